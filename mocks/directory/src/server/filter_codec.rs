//! Filters as they come off the wire (RFC 4511 section 4.5.1.7), bounded in depth and number of terms.

use provlab_protocol::ber::{self, Reader};
use provlab_protocol::ldap::filter as tag;

use super::message::{DecodeError, Within, bounded, name, text};
use crate::filter::{Filter, MAX_FILTER_DEPTH, MAX_FILTER_TERMS};

/// Reads the filter that comes next.
pub(super) fn decode(body: &mut Reader<'_>) -> Result<Filter, DecodeError> {
    let mut terms = 0;
    term(body, 0, &mut terms)
}

fn term(body: &mut Reader<'_>, depth: usize, terms: &mut usize) -> Result<Filter, DecodeError> {
    bounded(depth, MAX_FILTER_DEPTH, "levels of a filter")?;
    bounded(*terms, MAX_FILTER_TERMS, "terms of a filter")?;
    *terms += 1;
    let (choice, contents) = body.element().within("filter")?;
    let mut inner = Reader::new(contents);
    match choice {
        tag::AND => Ok(Filter::And(set(inner, depth, terms)?)),
        tag::OR => Ok(Filter::Or(set(inner, depth, terms)?)),
        tag::NOT => {
            let negated = term(&mut inner, depth + 1, terms)?;
            inner.finish().within("filter")?;
            Ok(Filter::Not(Box::new(negated)))
        }
        tag::EQUALITY => assertion(inner).map(|(attribute, value)| Filter::Equality { attribute, value }),
        tag::SUBSTRINGS => substrings(inner),
        tag::GREATER_OR_EQUAL => {
            assertion(inner).map(|(attribute, value)| Filter::GreaterOrEqual { attribute, value })
        }
        tag::LESS_OR_EQUAL => {
            assertion(inner).map(|(attribute, value)| Filter::LessOrEqual { attribute, value })
        }
        tag::PRESENT => Ok(Filter::Present(text(contents, "filter attribute")?)),
        tag::APPROX => assertion(inner).map(|(attribute, value)| Filter::Approx { attribute, value }),
        tag::EXTENSIBLE => extensible(inner),
        other => Err(DecodeError::Choice {
            what: "filter",
            value: i64::from(other),
        }),
    }
}

fn set(mut inner: Reader<'_>, depth: usize, terms: &mut usize) -> Result<Vec<Filter>, DecodeError> {
    let mut filters = Vec::new();
    while !inner.is_empty() {
        filters.push(term(&mut inner, depth + 1, terms)?);
    }
    Ok(filters)
}

fn assertion(mut inner: Reader<'_>) -> Result<(String, Vec<u8>), DecodeError> {
    let attribute = name(&mut inner, "filter attribute")?;
    let value = inner.octets().within("filter value")?;
    inner.finish().within("filter")?;
    Ok((attribute, value.to_vec()))
}

fn substrings(mut inner: Reader<'_>) -> Result<Filter, DecodeError> {
    let attribute = name(&mut inner, "filter attribute")?;
    let mut parts = inner.sequence().within("substrings")?;
    inner.finish().within("filter")?;
    let (mut initial, mut any, mut last) = (None, Vec::new(), None);
    let mut first = true;
    while !parts.is_empty() {
        bounded(any.len(), MAX_FILTER_TERMS, "parts of a substring filter")?;
        let (tag, contents) = parts.element().within("substring")?;
        let value = contents.to_vec();
        match tag {
            0x80 if first => initial = Some(value),
            0x81 if last.is_none() => any.push(value),
            0x82 if last.is_none() => last = Some(value),
            other => {
                return Err(DecodeError::Choice {
                    what: "substring",
                    value: i64::from(other),
                });
            }
        }
        first = false;
    }
    Ok(Filter::Substrings {
        attribute,
        initial,
        any,
        last,
    })
}

fn extensible(mut inner: Reader<'_>) -> Result<Filter, DecodeError> {
    let rule = optional_name(&mut inner, 0x81, "matching rule")?;
    let attribute = optional_name(&mut inner, 0x82, "filter attribute")?;
    let value = inner.expect(0x83).within("filter value")?.to_vec();
    let dn_attributes = match inner.optional(0x84).within("dnAttributes")? {
        Some(contents) => ber::truth(contents).within("dnAttributes")?,
        None => false,
    };
    inner.finish().within("filter")?;
    Ok(Filter::Extensible {
        rule,
        attribute,
        value,
        dn_attributes,
    })
}

fn optional_name(inner: &mut Reader<'_>, tag: u8, what: &'static str) -> Result<Option<String>, DecodeError> {
    inner
        .optional(tag)
        .within(what)?
        .map(|bytes| text(bytes, what))
        .transpose()
}
