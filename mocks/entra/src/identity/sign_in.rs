//! Decides whether a user name and password sign in. Pure, so that every documented refusal is a unit test.

use secrecy::SecretString;
use time::{Duration, OffsetDateTime};

use super::error::Failure;
use crate::state::{SignInState, SmartLockout, User};

/// What a password attempt leads to: the new counters, and the refusal if there is one.
pub(super) struct Attempt {
    pub(super) sign_in: SignInState,
    pub(super) outcome: Result<(), Failure>,
}

/// Judges one attempt.
///
/// Lock and block are told whatever the password; that a password is expired or that more is needed is told only
/// to someone who knows the password.
pub(super) fn judge(
    user: &User,
    lockout: SmartLockout,
    resource: &str,
    password: &SecretString,
    now: OffsetDateTime,
) -> Attempt {
    let unchanged = |outcome| Attempt {
        sign_in: user.sign_in.clone(),
        outcome,
    };
    if user.sign_in.locked_until.is_some_and(|until| now < until) {
        return unchanged(Err(Failure::new(50053)));
    }
    if !user.account_enabled {
        return unchanged(Err(Failure::new(50057)));
    }
    let Some(credential) = &user.credential else {
        return unchanged(Err(Failure::new(50056)));
    };
    if !credential.verifier.accepts(password) {
        return Attempt {
            sign_in: after_failure(&user.sign_in, lockout, now),
            outcome: Err(Failure::new(50126)),
        };
    }
    let outcome = if credential.expired {
        Err(Failure::new(50055))
    } else if credential.multi_factor {
        Err(Failure::new(50076).with("resource", resource))
    } else if credential.blocked {
        Err(Failure::new(53003))
    } else {
        Ok(())
    };
    Attempt {
        sign_in: SignInState::default(),
        outcome,
    }
}

fn after_failure(before: &SignInState, lockout: SmartLockout, now: OffsetDateTime) -> SignInState {
    let failures = before.failures.saturating_add(1);
    let locked_until = (failures >= lockout.threshold.max(1))
        .then(|| now + Duration::seconds(i64::from(lockout.duration_seconds)));
    SignInState {
        failures,
        locked_until,
    }
}

#[cfg(test)]
mod tests {
    use provlab_platform::Entropy;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::state::{CredentialState, PasswordVerifier};

    const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn user(change: impl FnOnce(&mut User)) -> User {
        let mut user = User::new(Uuid::nil(), Uuid::nil(), "a@b.c", NOW);
        user.credential = Some(CredentialState {
            verifier: PasswordVerifier::new(&"right".into(), &Entropy::seeded(1)),
            expired: false,
            multi_factor: false,
            blocked: false,
        });
        change(&mut user);
        user
    }

    fn code(user: &User, password: &str, now: OffsetDateTime) -> Option<u32> {
        judge(user, SmartLockout::default(), "r", &password.into(), now)
            .outcome
            .err()
            .map(|failure| failure.code)
    }

    fn credential(change: impl Fn(&mut CredentialState)) -> User {
        user(|user| user.credential.iter_mut().for_each(&change))
    }

    #[test]
    fn each_refusal_has_its_number() {
        assert_eq!(code(&user(|_| ()), "right", NOW), None);
        assert_eq!(code(&user(|_| ()), "wrong", NOW), Some(50126));
        assert_eq!(
            code(&user(|user| user.account_enabled = false), "right", NOW),
            Some(50057)
        );
        assert_eq!(
            code(&user(|user| user.credential = None), "right", NOW),
            Some(50056)
        );
        assert_eq!(
            code(&credential(|state| state.expired = true), "right", NOW),
            Some(50055)
        );
        assert_eq!(
            code(&credential(|state| state.expired = true), "wrong", NOW),
            Some(50126)
        );
        assert_eq!(
            code(&credential(|state| state.multi_factor = true), "right", NOW),
            Some(50076)
        );
        assert_eq!(
            code(&credential(|state| state.blocked = true), "right", NOW),
            Some(53003)
        );
    }

    #[test]
    fn wrong_passwords_lock_for_a_while_and_a_right_one_resets() {
        let lockout = SmartLockout {
            threshold: 3,
            duration_seconds: 60,
        };
        let mut account = user(|_| ());
        for _ in 0..3 {
            account.sign_in = judge(&account, lockout, "r", &"wrong".into(), NOW).sign_in;
        }
        assert_eq!(code(&account, "right", NOW), Some(50053));
        let later = NOW + Duration::seconds(60);
        assert_eq!(code(&account, "right", later), None);
        assert_eq!(
            judge(&account, lockout, "r", &"right".into(), later)
                .sign_in
                .failures,
            0
        );
    }
}
