//! The few HTML pages of sign-in: plain forms that a browser and a test can post alike.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

/// A page that asks for a device code and the account.
pub(super) fn device_form(problem: Option<&str>) -> Response {
    page(&format!(
        "<h1>Enter code</h1>{}<form method=\"post\">\
         <label>Code <input name=\"otc\" autocomplete=\"off\"></label>\
         <label>User name <input name=\"login\" autocomplete=\"username\"></label>\
         <label>Password <input name=\"passwd\" type=\"password\" autocomplete=\"current-password\"></label>\
         <button>Sign in</button><button name=\"cancel\" value=\"1\">Cancel</button></form>",
        problem_line(problem)
    ))
}

/// The sign-in page of the authorization code flow; it posts to its own address, query included.
pub(super) fn sign_in_form(user: &str, problem: Option<&str>) -> Response {
    page(&format!(
        "<h1>Sign in</h1>{}<form method=\"post\">\
         <label>User name <input name=\"login\" value=\"{}\" autocomplete=\"username\"></label>\
         <label>Password <input name=\"passwd\" type=\"password\" autocomplete=\"current-password\"></label>\
         <button>Sign in</button></form>",
        problem_line(problem),
        escape(user)
    ))
}

/// A page that says one thing.
pub(super) fn notice(text: &str) -> Response {
    page(&format!("<p>{}</p>", escape(text)))
}

/// Nothing is remembered between two sign-ins, so there is nothing to end.
pub(super) async fn logout() -> Response {
    notice("You signed out of your account.")
}

/// `response_mode=form_post`: the browser carries the fields to the client.
pub(super) fn form_post(address: &str, fields: &[(&str, &str)]) -> Response {
    let inputs: String = fields
        .iter()
        .map(|(name, value)| {
            format!(
                "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
                escape(name),
                escape(value)
            )
        })
        .collect();
    page(&format!(
        "<form method=\"post\" action=\"{}\">{inputs}<button>Continue</button></form>",
        escape(address)
    ))
}

fn problem_line(problem: Option<&str>) -> String {
    problem
        .map(|text| format!("<p role=\"alert\">{}</p>", escape(text)))
        .unwrap_or_default()
}

fn page(body: &str) -> Response {
    (
        StatusCode::OK,
        [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CACHE_CONTROL, "no-store, no-cache"),
            (CONTENT_SECURITY_POLICY, "default-src 'none'"),
        ],
        format!("<!DOCTYPE html><html lang=\"en\"><title>Sign in to your account</title><body>{body}</body></html>"),
    )
        .into_response()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        assert_eq!(
            escape("<a href=\"x\">'&'"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;"
        );
    }
}
