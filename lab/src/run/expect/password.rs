//! Expectations about passwords that were set in the cloud.

use super::{Found, Parts, check, equal};
use crate::{
    scenario::{Expectation, PasswordOutcome},
    world::PasswordAnswer,
};

pub(super) fn answer(answer: Option<&PasswordAnswer>, expectation: &Expectation) -> Found {
    let Expectation::PasswordAnswer {
        user,
        outcome,
        code,
        event,
        says,
        ..
    } = expectation
    else {
        return Ok(());
    };
    let of = format!("the password of {user}:");
    let Some(answer) = answer else {
        return Err((format!("{of} an answer"), "nobody asked".to_owned()));
    };
    let word = |outcome| match outcome {
        PasswordOutcome::Success => "success",
        PasswordOutcome::Failure => "failure",
    };
    let (actual, actual_code, text, actual_event) = match answer {
        PasswordAnswer::Success => (PasswordOutcome::Success, "none", "", None),
        PasswordAnswer::Failure { code, text, event } => {
            (PasswordOutcome::Failure, code.as_str(), text.as_str(), *event)
        }
    };
    let mut parts = Parts::default();
    let actual_event = actual_event.map_or_else(|| "none".to_owned(), |event| event.to_string());
    // A failure that nobody expected explains nothing without its code.
    let told = if outcome == &actual || actual == PasswordOutcome::Success {
        word(actual).to_owned()
    } else {
        format!("failure ({actual_code}, event {actual_event}, \"{text}\")")
    };
    parts.must("", word(*outcome), told);
    parts.may("code", code.as_ref(), actual_code);
    parts.may("event", *event, actual_event);
    if let Some(says) = says {
        let found = if text.contains(says.as_str()) { says } else { text };
        parts.must("says", says, found);
    }
    parts.judged(&of)
}

pub(super) fn client(status: &str, says: &str) -> Found {
    check(status.contains(says), || {
        (format!("the writeback client: {says}"), status.to_owned())
    })
}

pub(super) fn logon(account: &str, data: Option<&str>, actual: &str) -> Found {
    let wanted = data.map_or_else(|| "accepted".to_owned(), str::to_lowercase);
    equal(&format!("the logon of {account}:"), &wanted, actual)
}

pub(super) fn sign_in(user: &str, refused: Option<&str>, actual: &str) -> Found {
    let wanted = refused.unwrap_or("accepted");
    equal(&format!("the sign-in of {user}:"), wanted, actual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Located;

    fn expected(outcome: PasswordOutcome, code: Option<&str>, event: Option<u64>) -> Expectation {
        Expectation::PasswordAnswer {
            tenant: Located::unplaced("contoso".to_owned()),
            user: "ada@contoso.com".to_owned(),
            outcome,
            code: code.map(str::to_owned),
            event,
            says: None,
        }
    }

    #[test]
    fn what_was_told_is_shown_beside_what_was_expected() {
        let refused = PasswordAnswer::Failure {
            code: "SSPR_0029".to_owned(),
            text: "We are unable".to_owned(),
            event: Some(33_004),
        };
        let failure = PasswordOutcome::Failure;
        assert!(
            answer(
                Some(&refused),
                &expected(failure, Some("SSPR_0029"), Some(33_004))
            )
            .is_ok()
        );
        assert!(answer(Some(&refused), &expected(failure, None, Some(33_008))).is_err());
        let told = answer(Some(&refused), &expected(PasswordOutcome::Success, None, None));
        assert!(told.is_err_and(|(_, actual)| actual.contains("event 33004")));
        assert!(answer(None, &expected(failure, None, None)).is_err());
        assert!(
            answer(
                Some(&PasswordAnswer::Success),
                &expected(PasswordOutcome::Success, None, None)
            )
            .is_ok()
        );
    }

    #[test]
    fn a_logon_is_judged_by_its_sub_code() {
        assert!(logon("CONTOSO\\ada", None, "accepted").is_ok());
        assert!(logon("CONTOSO\\ada", Some("52E"), "52e").is_ok());
        assert!(logon("CONTOSO\\ada", None, "773").is_err());
    }
}
