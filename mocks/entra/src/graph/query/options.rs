//! `$select`, `$filter`, `$top`, `$count`, `$orderby`, `$skiptoken`, `$expand`, `$deltatoken`.

use http::HeaderMap;

use super::filter::Filter;
use crate::graph::GraphError;

/// Largest `$top` for users and groups.
pub(in crate::graph) const MAX_TOP: usize = 999;
/// Page size when the request names none.
pub(in crate::graph) const DEFAULT_TOP: usize = 100;
/// Longest query string, in bytes.
pub(in crate::graph) const MAX_QUERY_BYTES: usize = 16 * 1024;

/// The query options of one request.
#[derive(Debug, Clone, Default)]
pub(in crate::graph) struct QueryOptions {
    pub(in crate::graph) select: Option<Vec<String>>,
    pub(in crate::graph) filter: Option<Filter>,
    pub(in crate::graph) top: Option<usize>,
    pub(in crate::graph) count: bool,
    pub(in crate::graph) order: Option<Order>,
    pub(in crate::graph) skip_token: Option<String>,
    pub(in crate::graph) delta_token: Option<String>,
    pub(in crate::graph) expand: Vec<String>,
    /// The options as they were sent, without the tokens: repeated in a next link.
    pub(in crate::graph) sent: Vec<(String, String)>,
}

/// `$orderby`: one property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::graph) struct Order {
    pub(in crate::graph) property: String,
    pub(in crate::graph) descending: bool,
}

impl QueryOptions {
    /// Reads the query string; `headers` tell whether advanced queries are allowed.
    pub(in crate::graph) fn parse(query: Option<&str>, headers: &HeaderMap) -> Result<Self, GraphError> {
        let query = query.unwrap_or_default();
        if query.len() > MAX_QUERY_BYTES {
            return Err(GraphError::bad_request(format!(
                "The query string is longer than {MAX_QUERY_BYTES} bytes."
            )));
        }
        let mut options = Self::default();
        for (name, value) in form_pairs(query) {
            let plain = name.trim_start_matches('$').to_ascii_lowercase();
            match plain.as_str() {
                "select" => options.select = Some(words(&value)),
                "filter" => {
                    let filter = Filter::parse(&value).map_err(|detail| {
                        GraphError::bad_request(format!("Invalid filter clause: {detail}."))
                    })?;
                    options.filter = Some(filter);
                }
                "top" => options.top = Some(top(&value)?),
                "count" => options.count = value.eq_ignore_ascii_case("true"),
                "orderby" => options.order = Some(order(&value)?),
                "expand" => options.expand = words(&value),
                "skiptoken" => {
                    options.skip_token = Some(value);
                    continue;
                }
                "deltatoken" => {
                    options.delta_token = Some(value);
                    continue;
                }
                _ if name.starts_with('$') => {
                    return Err(GraphError::bad_request(format!(
                        "The query option '{name}' is not supported; use $select, $filter, $top, $count, $orderby or $expand."
                    )));
                }
                _ => {}
            }
            options.sent.push((name, value));
        }
        options.check_consistency(headers)?;
        Ok(options)
    }

    /// Graph answers `ne`, `not`, `endswith` and a sorted filter only when the client accepts a delayed view.
    fn check_consistency(&self, headers: &HeaderMap) -> Result<(), GraphError> {
        let eventual = headers
            .get("consistencylevel")
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"eventual"));
        let advanced = self.filter.as_ref().is_some_and(|filter| filter.advanced)
            || (self.filter.is_some() && self.order.is_some());
        if advanced && !(eventual && self.count) {
            return Err(GraphError::unsupported_query(
                "Unsupported Query. The filter or its combination with $orderby needs the header \
                 'ConsistencyLevel: eventual' and $count=true.",
            ));
        }
        Ok(())
    }

    /// The id after which a page begins, when nothing before it matters: neither a count nor an order was asked for.
    pub(in crate::graph) fn resume_after(&self) -> &str {
        match &self.skip_token {
            Some(token) if self.order.is_none() && !self.count => token,
            _ => "",
        }
    }

    /// Page size.
    pub(in crate::graph) fn page_size(&self) -> usize {
        self.top.unwrap_or(DEFAULT_TOP)
    }

    /// The link to this query with one more option, such as a token.
    pub(in crate::graph) fn link(&self, address: &str, name: &str, value: &str) -> String {
        let mut link = format!("{address}?");
        for (name, value) in &self.sent {
            link.push_str(&format!("{}={}&", percent_encode(name), percent_encode(value)));
        }
        link.push_str(&format!("{name}={}", percent_encode(value)));
        link
    }
}

fn top(value: &str) -> Result<usize, GraphError> {
    match value.parse::<usize>() {
        Ok(top @ 1..=MAX_TOP) => Ok(top),
        _ => Err(GraphError::bad_request(format!(
            "Invalid page size specified: '{value}'. Must be between 1 and {MAX_TOP} inclusive."
        ))),
    }
}

fn order(value: &str) -> Result<Order, GraphError> {
    let mut parts = value.split_whitespace();
    let property = parts.next().unwrap_or_default();
    let descending = match parts.next() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(other) => {
            return Err(GraphError::bad_request(format!(
                "Invalid $orderby: '{other}' after '{property}'; use asc or desc."
            )));
        }
    };
    if property.is_empty() || property.contains(',') || parts.next().is_some() {
        return Err(GraphError::bad_request(
            "Invalid $orderby: name one property, then asc or desc.",
        ));
    }
    Ok(Order {
        property: property.to_owned(),
        descending,
    })
}

fn words(list: &str) -> Vec<String> {
    list.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The pairs of a query string or form, decoded.
pub(crate) fn form_pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = (byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, hex) {
            (_, Some(value)) => {
                decoded.push(value);
                at += 3;
            }
            (b'+', None) => {
                decoded.push(b' ');
                at += 1;
            }
            (other, None) => {
                decoded.push(other);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$,".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn options_are_read_with_and_without_the_dollar() {
        let options = QueryOptions::parse(
            Some("$select=id,%20mail&top=5&$orderby=displayName%20desc"),
            &HeaderMap::new(),
        )
        .unwrap();
        assert_eq!(options.select, Some(vec!["id".to_owned(), "mail".to_owned()]));
        assert_eq!(options.page_size(), 5);
        assert_eq!(options.order.map(|order| order.descending), Some(true));
    }

    #[test]
    fn top_is_bounded() {
        let parse = |top: &str| QueryOptions::parse(Some(&format!("$top={top}")), &HeaderMap::new());
        assert!(parse("999").is_ok());
        for bad in ["0", "1000", "-1", "x"] {
            assert_eq!(parse(bad).unwrap_err().code, "Request_BadRequest");
        }
    }

    #[test]
    fn advanced_queries_need_the_header_and_the_count() {
        let mut headers = HeaderMap::new();
        let query = Some("$filter=mail%20ne%20null&$count=true");
        assert_eq!(
            QueryOptions::parse(query, &headers).unwrap_err().code,
            "Request_UnsupportedQuery"
        );
        headers.insert("ConsistencyLevel", "eventual".parse().unwrap());
        assert!(QueryOptions::parse(query, &headers).is_ok());
    }

    proptest! {
        #[test]
        fn a_link_reads_back(value in ".{0,60}") {
            let options = QueryOptions { sent: vec![("x".to_owned(), value.clone())], ..QueryOptions::default() };
            let link = options.link("https://h/users", "$skiptoken", "t");
            let pairs = form_pairs(link.split_once('?').unwrap().1);
            prop_assert_eq!(pairs, vec![("x".to_owned(), value), ("$skiptoken".to_owned(), "t".to_owned())]);
        }

        #[test]
        fn any_query_is_answered(query in ".{0,120}") {
            let _ = QueryOptions::parse(Some(&query), &HeaderMap::new());
        }
    }
}
