//! The few expressions that stories map by (CS 5.12): an evaluator of its own, small enough to be seen through.

/// The value of an expression; `None` where it is empty, an error where it uses what is not known here.
pub(super) fn evaluate(
    text: &str,
    attribute: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, String> {
    let mut reader = Reader {
        rest: text.trim(),
        attribute,
    };
    let value = reader.value()?;
    if reader.rest.is_empty() {
        Ok(value.filter(|value| !value.is_empty()))
    } else {
        Err(format!("the oracle cannot read `{}`", reader.rest))
    }
}

struct Reader<'a> {
    rest: &'a str,
    attribute: &'a dyn Fn(&str) -> Option<String>,
}

type Value = Option<String>;

const TRUE: &str = "True";

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Value, String> {
        self.rest = self.rest.trim_start();
        if let Some(rest) = self.rest.strip_prefix('[') {
            let name = self.until(rest, ']')?;
            return Ok((self.attribute)(name));
        }
        if let Some(rest) = self.rest.strip_prefix('"') {
            return self.until(rest, '"').map(|text| Some(text.to_owned()));
        }
        if let Some(open) = self.rest.find('(') {
            let (name, rest) = self.rest.split_at(open);
            self.rest = &rest[1..];
            let arguments = self.arguments()?;
            return call(name.trim(), &arguments);
        }
        let end = self.rest.find([',', ')']).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(Some(number.trim().to_owned()))
    }

    fn until(&mut self, rest: &'a str, end: char) -> Result<&'a str, String> {
        let (text, rest) = rest
            .split_once(end)
            .ok_or_else(|| format!("`{end}` is missing"))?;
        self.rest = rest.trim_start();
        Ok(text)
    }

    fn arguments(&mut self) -> Result<Vec<Value>, String> {
        let mut all = Vec::new();
        loop {
            all.push(self.value()?);
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
            } else if let Some(rest) = self.rest.strip_prefix(')') {
                self.rest = rest.trim_start();
                return Ok(all);
            } else {
                return Err(format!("`,` or `)` is missing before `{}`", self.rest));
            }
        }
    }
}

fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let text = |at: usize| arguments.get(at).cloned().flatten();
    let flag = |on: bool| Some(if on { TRUE } else { "False" }.to_owned());
    Ok(match name {
        "Trim" => text(0).map(|text| text.trim().to_owned()),
        "ToUpper" => text(0).map(|text| text.to_uppercase()),
        "ToLower" => text(0).map(|text| text.to_lowercase()),
        "StripSpaces" => text(0).map(|text| text.replace(' ', "")),
        "Append" => Some(text(0).unwrap_or_default() + &text(1).unwrap_or_default()),
        "Left" => {
            let count = text(1).and_then(|count| count.parse().ok()).unwrap_or_default();
            text(0).map(|text| text.chars().take(count).collect())
        }
        // `Join(separator, value, …)` leaves out what is empty.
        "Join" => {
            let values = arguments.iter().skip(1).flatten();
            let values: Vec<&str> = values
                .map(String::as_str)
                .filter(|value| !value.is_empty())
                .collect();
            Some(values.join(&text(0).unwrap_or_default()))
        }
        "IsPresent" => flag(text(0).is_some_and(|text| !text.is_empty())),
        "IIF" => text(if text(0).as_deref() == Some(TRUE) { 1 } else { 2 }),
        // `Switch(source, default, key, value, …)`
        "Switch" => {
            let found = (2..arguments.len().saturating_sub(1))
                .step_by(2)
                .find(|at| text(*at) == text(0));
            text(found.map_or(1, |at| at + 1))
        }
        other => return Err(format!("the oracle does not know `{other}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expressions_of_stories() {
        let attributes = |name: &str| match name {
            "l" => Some(" Ulm ".to_owned()),
            "department" => Some("Sales".to_owned()),
            _ => None,
        };
        let result = |text: &str| evaluate(text, &attributes);
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(result("ToUpper(Trim([l]))"), some("ULM"));
        assert_eq!(result("Append(\"a, (b) \", [department])"), some("a, (b) Sales"));
        assert_eq!(result("IIF(IsPresent([st]),[st],\"none\")"), some("none"));
        assert_eq!(
            result("Switch([department],\"X\",\"Research\",\"R\",\"Sales\",\"S\")"),
            some("S")
        );
        assert_eq!(result("Left([department], 2)"), some("Sa"));
        assert_eq!(result("ToUpper([st])"), Ok(None));
        assert_eq!(
            result("Join(\", \", [department], [st], \"x\")"),
            some("Sales, x")
        );
        assert!(result("Word([l],1,\" \")").is_err());
        assert!(result("Trim([l]").is_err());
    }
}
