#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{Oaep, RsaPrivateKey, RsaPublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use time::OffsetDateTime;
use uuid::Uuid;

use super::*;
use crate::guid::Guid;
use crate::scim::{Operation, OperationResult};

const SECRET: &str = "C4nary-Pässw0rd!";

/// The same key in every run: made from a fixed generator, once.
fn private() -> &'static RsaPrivateKey {
    static KEY: std::sync::LazyLock<RsaPrivateKey> = std::sync::LazyLock::new(|| {
        let mut generator = Counter(7);
        RsaPrivateKey::new(&mut generator, 2048).unwrap()
    });
    &KEY
}

/// Numbers that are good enough to find a prime with.
struct Counter(u64);

impl rsa::rand_core::RngCore for Counter {
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }
    fn next_u64(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn fill_bytes(&mut self, out: &mut [u8]) {
        for byte in out {
            *byte = self.next_u64() as u8;
        }
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for Counter {}

fn spki() -> Vec<u8> {
    RsaPublicKey::from(private())
        .to_public_key_der()
        .unwrap()
        .into_vec()
}

fn drawn() -> PackageEntropy {
    PackageEntropy {
        key: [1; 32],
        seed: [2; 32],
        nonce: [3; 12],
    }
}

fn binding() -> Binding {
    Binding {
        domain: "Contoso.com".to_owned(),
        tenant_id: Uuid::from_u128(1),
        message_id: Uuid::from_u128(2),
        key_id: KeyId::of(&spki()),
        expires: 1_767_600_000,
    }
}

fn request(action: Action) -> WritebackRequest {
    WritebackRequest {
        anchor: Guid::from_u128(0x1122_3344_5566_7788_99aa_bbcc_ddee_ff00).into(),
        action,
    }
}

fn reset(password: &str) -> WritebackRequest {
    request(Action::SelfServiceReset {
        new: SecretString::from(password),
    })
}

/// What the agent does: unwraps with the private key and opens.
fn opened(sealed: &SealedRequest) -> Result<(WritebackRequest, ContentKey), PackageError> {
    let unwrapped = private()
        .decrypt(Oaep::new::<Sha256>(), sealed.wrapped_key()?)
        .map_err(|_| PackageError::Decryption)?;
    let key = ContentKey::unwrapped(&unwrapped)?;
    Ok((sealed.open(&key)?, key))
}

#[test]
fn a_package_reaches_its_agent_and_the_answer_comes_back() {
    assert_eq!(private().n().bits(), 2048);
    let (sealed, cloud_key) = SealedRequest::seal(binding(), &reset(SECRET), &spki(), &drawn()).unwrap();
    let text = serde_json::to_string(&Operation::Writeback(Box::new(sealed))).unwrap();
    assert!(
        text.starts_with(r#"{"writeback":{"domain":"Contoso.com","tenantId":"#),
        "{text}"
    );
    let Operation::Writeback(sealed) = serde_json::from_str(&text).unwrap() else {
        unreachable!("the kind is in the text")
    };
    let (request, agent_key) = opened(&sealed).unwrap();
    assert!(matches!(&request.action, Action::SelfServiceReset { new } if new.expose_secret() == SECRET));
    assert_eq!(
        request.anchor.guid(),
        Guid::from_u128(0x1122_3344_5566_7788_99aa_bbcc_ddee_ff00)
    );

    for outcome in [
        Outcome::Success,
        Failure::new(FailureCode::PasswordPolicy, "0000052D: SvcErr").into(),
    ] {
        let answer = SealedOutcome::seal(&sealed.binding, &outcome, &agent_key, &[9; 12]).unwrap();
        let text = serde_json::to_string(&OperationResult::WrittenBack(answer)).unwrap();
        assert!(!text.contains("0000052D"), "an answer is sealed as well");
        let OperationResult::WrittenBack(answer) = serde_json::from_str(&text).unwrap() else {
            unreachable!("the kind is in the text")
        };
        assert_eq!(answer.open(&binding(), &cloud_key), Ok(outcome));
    }
}

#[test]
fn nothing_of_a_package_shows() {
    let request = reset(SECRET);
    let (sealed, key) = SealedRequest::seal(binding(), &request, &spki(), &drawn()).unwrap();
    let answer = SealedOutcome::seal(&binding(), &Outcome::Success, &key, &[9; 12]).unwrap();
    let text = serde_json::to_string(&sealed).unwrap();
    let package = text.split('"').max_by_key(|part| part.len()).unwrap();
    assert!(package.len() > 256);
    for shown in [
        format!("{request:?}"),
        format!("{sealed:?}"),
        format!("{key:?}"),
        format!("{answer:?}"),
        format!("{:?}", Operation::Writeback(Box::new(sealed))),
    ] {
        assert!(!shown.contains(SECRET) && !shown.contains(package), "{shown}");
    }
    assert!(!text.contains("C4nary"));
}

#[test]
fn a_package_opens_for_nothing_but_what_it_was_sealed_for() {
    let (sealed, key) = SealedRequest::seal(binding(), &reset(SECRET), &spki(), &drawn()).unwrap();
    let changes: [fn(&mut Binding); 5] = [
        |binding| binding.tenant_id = Uuid::from_u128(9),
        |binding| binding.message_id = Uuid::from_u128(9),
        |binding| binding.key_id = KeyId::of(b"another"),
        |binding| binding.expires += 1,
        |binding| binding.domain = "fabrikam.com".to_owned(),
    ];
    for change in changes {
        let mut other = sealed.clone();
        change(&mut other.binding);
        assert_eq!(opened(&other).err(), Some(PackageError::Decryption));
        let answer = SealedOutcome::seal(&other.binding, &Outcome::Success, &key, &[9; 12]).unwrap();
        assert!(answer.open(&binding(), &key).is_err());
    }
    // Names of domains have no case.
    let mut same = sealed;
    same.binding.domain = "contoso.COM".to_owned();
    assert!(opened(&same).is_ok());
    // For another key it is not even sealed.
    let mut other = binding();
    other.key_id = KeyId::of(b"another");
    let refused = SealedRequest::seal(other, &reset(SECRET), &spki(), &drawn()).err();
    assert_eq!(refused, Some(PackageError::PublicKey));
}

#[test]
fn every_changed_byte_is_noticed() {
    let (sealed, _) = SealedRequest::seal(binding(), &reset(SECRET), &spki(), &drawn()).unwrap();
    let value = serde_json::to_value(&sealed).unwrap();
    let package = value["package"].as_str().unwrap();
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(package).unwrap();
    // The wrapped key takes a private key operation each: some of it, and all of the rest.
    for place in (0..256).step_by(51).chain(256..bytes.len()) {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        let mut value = value.clone();
        value["package"] = base64::engine::general_purpose::STANDARD.encode(&changed).into();
        let changed: SealedRequest = serde_json::from_value(value).unwrap();
        assert_eq!(opened(&changed).err(), Some(PackageError::Decryption), "{place}");
    }
}

#[test]
fn an_answer_without_a_seal_never_tells_of_a_success() {
    let (_, key) = SealedRequest::seal(binding(), &reset(SECRET), &spki(), &drawn()).unwrap();
    let id = binding().message_id;
    let refusal = SealedOutcome::refusal(id, FailureCode::Decryption);
    let text = serde_json::to_string(&refusal).unwrap();
    assert_eq!(text, format!(r#"{{"messageId":"{id}","refused":32004}}"#));
    let outcome = refusal.open(&binding(), &key).unwrap();
    assert_eq!(outcome.number(), Some(32_004));
    for forged in [
        format!(r#"{{"messageId":"{id}"}}"#),
        format!(r#"{{"messageId":"{id}","sealed":"c3VjY2Vzcw=="}}"#),
        format!(r#"{{"messageId":"{id}","outcome":"success"}}"#),
    ] {
        let forged: SealedOutcome = serde_json::from_str(&forged).unwrap();
        assert_eq!(forged.open(&binding(), &key), Err(PackageError::Decryption));
    }
}

#[test]
fn sizes_are_bounded() {
    let longest = "x".repeat(MAX_PASSWORD_BYTES);
    let change = request(Action::VoluntaryChange {
        old: SecretString::from(longest.clone()),
        new: SecretString::from(longest.clone()),
    });
    let (sealed, _) = SealedRequest::seal(binding(), &change, &spki(), &drawn()).unwrap();
    assert!(
        sealed.package_bytes() < MAX_PACKAGE_BYTES,
        "{}",
        sealed.package_bytes()
    );
    let beyond = reset(&format!("{longest}x"));
    assert_eq!(
        SealedRequest::seal(binding(), &beyond, &spki(), &drawn()).err(),
        Some(PackageError::Request(RequestError::TooLong))
    );
    assert_eq!(reset("").to_bytes().err(), Some(RequestError::Empty));

    let value = |bytes: usize| {
        use base64::Engine as _;
        let package = base64::engine::general_purpose::STANDARD.encode(vec![0; bytes]);
        let mut value = serde_json::to_value(&sealed).unwrap();
        value["package"] = package.into();
        serde_json::from_value::<SealedRequest>(value)
    };
    assert!(value(MAX_PACKAGE_BYTES).is_ok());
    assert!(value(MAX_PACKAGE_BYTES + 3).is_err());
    assert_eq!(value(10).unwrap().wrapped_key(), Err(PackageError::Decryption));

    let long = Failure::new(FailureCode::AdUnknown, "ä".repeat(MAX_DETAIL_BYTES));
    assert!(long.detail.len() <= MAX_DETAIL_BYTES && long.detail.starts_with('ä'));
    assert!(ContentKey::unwrapped(&[0; 31]).is_err());
}

#[test]
fn public_keys_of_another_kind_are_refused() {
    let small = RsaPrivateKey::new(&mut Counter(1), 1024).unwrap();
    let small = RsaPublicKey::from(&small).to_public_key_der().unwrap().into_vec();
    for spki in [small, b"no key".to_vec(), vec![0x30; MAX_SPKI_BYTES + 1]] {
        let mut binding = binding();
        binding.key_id = KeyId::of(&spki);
        let refused = SealedRequest::seal(binding, &reset(SECRET), &spki, &drawn()).err();
        assert_eq!(refused, Some(PackageError::PublicKey));
    }
}

#[test]
fn messages_expire_to_the_second() {
    let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    assert!(!binding().is_expired_at(at(1_767_599_999)));
    assert!(binding().is_expired_at(at(1_767_600_000)));
}

#[test]
fn codes_are_the_documented_ones() {
    for (number, name) in [
        (32_004, "DecryptionError"),
        (33_001, "ADUnKnownError"),
        (33_002, "ADUserNotFoundError"),
        (33_003, "ADMutliMatchError"),
        (33_004, "ADPermissionsError"),
        (33_005, "ADUserAccountDisabled"),
        (33_006, "ADUserAccountLockedOut"),
        (33_007, "ADUserIncorrectPassword"),
        (33_008, "ADPasswordPolicyError"),
        (33_009, "ADConfigurationError"),
    ] {
        assert_eq!(
            FailureCode::from_number(number).map(FailureCode::name),
            Some(name)
        );
    }
    let policy = Failure::new(FailureCode::PasswordPolicy, "");
    assert_eq!(policy.hr.as_deref(), Some("80230619"));
    let later: Failure = serde_json::from_str(r#"{"code":39999}"#).unwrap();
    assert_eq!(later.code, FailureCode::Unknown);
}

#[test]
fn old_agents_do_not_write_back() {
    for (version, supported) in [
        ("1.1.977.0", true),
        ("1.1.1586.0", true),
        ("2.0.0.0", true),
        ("1.1.972.0", false),
        ("1.1.587.0", false),
        ("", false),
        ("new", false),
    ] {
        assert_eq!(is_supported_by(version), supported, "{version}");
    }
}

#[test]
fn a_heartbeat_has_its_documented_form() {
    let heartbeat = Heartbeat {
        agent_version: "1.1.1586.0".to_owned(),
        public_key: vec![0x30, 0x82],
    };
    let text = serde_json::to_string(&heartbeat).unwrap();
    assert_eq!(text, r#"{"agentVersion":"1.1.1586.0","publicKey":"MII="}"#);
    let answer = r#"{"enabled":true,"periodMs":300000,"newKeyWanted":false,"relays":[
        {"namespace":"n","domain":"d","servicePath":"p","sharedAccessKey":"C4nary"}]}"#;
    let answer: HeartbeatAnswer = serde_json::from_str(answer).unwrap();
    assert!(!format!("{answer:?}").contains("C4nary"));
    use base64::Engine as _;
    let long = base64::engine::general_purpose::STANDARD.encode([0; MAX_SPKI_BYTES + 1]);
    let long = format!(r#"{{"agentVersion":"","publicKey":"{long}"}}"#);
    assert!(serde_json::from_str::<Heartbeat>(&long).is_err());
}

proptest! {
    #[test]
    fn requests_survive_the_way(anchor: u128, old in "\\PC{1,60}", new in "\\PC{1,60}", kind in 0_usize..5) {
        let new = SecretString::from(new);
        let old = SecretString::from(old);
        let action = match kind {
            0 => Action::SelfServiceReset { new },
            1 => Action::VoluntaryChange { old, new },
            2 => Action::ForcedChange { old, new },
            3 => Action::AdminReset { new },
            _ => Action::Unlock,
        };
        let request = WritebackRequest { anchor: Guid::from_u128(anchor).into(), action };
        let again = WritebackRequest::from_bytes(&request.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(again.anchor, request.anchor);
        prop_assert_eq!(again.action.name(), request.action.name());
        let shown = |password: Option<&SecretString>| password.map(|text| text.expose_secret().to_owned());
        prop_assert_eq!(shown(again.action.new_password()), shown(request.action.new_password()));
        prop_assert_eq!(shown(again.action.old_password()), shown(request.action.old_password()));
    }

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        if let Ok(request) = WritebackRequest::from_bytes(&bytes) {
            prop_assert_eq!(&request.to_bytes().unwrap()[..], &bytes[..]);
        }
    }

    #[test]
    fn any_text_is_survived(text in "\\PC{0,200}") {
        let _ = serde_json::from_str::<SealedRequest>(&text);
        let _ = serde_json::from_str::<SealedOutcome>(&text);
        let _ = serde_json::from_str::<HeartbeatAnswer>(&text);
    }
}
