use proptest::prelude::*;

use super::*;

fn dn(text: &str) -> Dn {
    text.parse().unwrap()
}

fn error(text: &str) -> DnError {
    text.parse::<Dn>().unwrap_err()
}

#[test]
fn components_are_read_nearest_first() {
    let alice = dn("CN=Alice,OU=Sales , DC = contoso,DC=com");
    let parts: Vec<_> = alice
        .rdns()
        .iter()
        .map(|rdn| (rdn.attribute(), rdn.value()))
        .collect();
    assert_eq!(
        parts,
        [("CN", "Alice"), ("OU", "Sales"), ("DC", "contoso"), ("DC", "com")]
    );
    assert_eq!(alice.to_string(), "CN=Alice,OU=Sales,DC=contoso,DC=com");
    assert_eq!(dn(""), Dn::ROOT);
    assert!(dn("  ").is_root());
}

#[test]
fn escapes_are_read_and_written() {
    for (text, value, printed) in [
        (r"CN=Doe\, John", "Doe, John", r"CN=Doe\, John"),
        (r"CN=Doe\2C John", "Doe, John", r"CN=Doe\, John"),
        (r#"CN="Doe, John""#, "Doe, John", r"CN=Doe\, John"),
        (r#"CN="a \"b\" c" "#, "a \"b\" c", r#"CN=a \"b\" c"#),
        (r"CN=\ a\ ", " a ", r"CN=\ a\ "),
        (r"CN=\20a\20", " a ", r"CN=\ a\ "),
        (r"CN=\#1#2", "#1#2", r"CN=\#1#2"),
        (r"CN=a=b", "a=b", r"CN=a\=b"),
        (r"CN=Lu\C4\8Di\C4\87", "Lučić", "CN=Lučić"),
        (r"CN=a\\b", r"a\b", r"CN=a\\b"),
        (r"1.2.3=x", "x", "1.2.3=x"),
        (r"CN=\  ", " ", r"CN=\ "),
    ] {
        let name = dn(text);
        assert_eq!(name.rdn().unwrap().value(), value, "{text}");
        assert_eq!(name.to_string(), printed, "{text}");
        assert_eq!(dn(printed), name);
    }
}

#[test]
fn deleted_names_hold_a_line_feed() {
    let text = r"CN=Alice\0ADEL:11223344-5566-7788-99aa-bbccddeeff00,CN=Deleted Objects,DC=lab";
    let guid: Guid = "11223344-5566-7788-99aa-bbccddeeff00".parse().unwrap();
    let name = dn(text);
    assert_eq!(name.to_string(), text);
    assert_eq!(name.rdn().unwrap().mangling(), Some((Mangling::Deleted, guid)));
    let alice = Rdn::new("CN", "Alice").unwrap();
    assert_eq!(&alice.mangled(Mangling::Deleted, guid), name.rdn().unwrap());
    assert_eq!(alice.mangling(), None);
    let conflict = alice.mangled(Mangling::Conflict, guid);
    assert_eq!(conflict.mangling(), Some((Mangling::Conflict, guid)));
    assert_eq!(
        conflict.to_string(),
        r"CN=Alice\0ACNF:11223344-5566-7788-99aa-bbccddeeff00"
    );
}

#[test]
fn comparison_ignores_case_and_spelling() {
    let a = dn(r"cn=ÄLICE\2c X,dc=CONTOSO");
    let b = dn(r"CN=älice\, x, DC=contoso");
    assert_eq!(a, b);
    assert_eq!(a.normalized(), b.normalized());
    assert_eq!(a.normalized(), r"cn=älice\, x,dc=contoso");
    assert_ne!(dn("CN=ab,CN=c"), dn("CN=a,CN=bc"));
    assert_eq!(dn("CN=ΟΔΟΣ"), dn("CN=οδοσ"));
    assert_eq!(dn("CN=ΟΔΟΣ").normalized(), dn("CN=οδοσ").normalized());
}

#[test]
fn relations() {
    let domain = Dn::from_dns("contoso.com").unwrap();
    let users = domain.child(Rdn::new("CN", "Users").unwrap());
    let alice = users.child("CN=Alice".parse().unwrap());
    assert_eq!(alice.to_string(), "CN=Alice,CN=Users,DC=contoso,DC=com");
    assert_eq!(alice.parent().as_ref(), Some(&users));
    assert_eq!(Dn::ROOT.parent(), None);
    assert!(alice.is_descendant_of(&domain) && alice.is_descendant_of(&users));
    assert!(!alice.is_descendant_of(&alice) && alice.is_within(&alice));
    assert!(!domain.is_within(&users));
    assert!(!dn("CN=x,DC=notcontoso,DC=com").is_within(&domain));
    let moved = alice.rebased(&users, &dn("OU=New,DC=contoso,DC=com")).unwrap();
    assert_eq!(moved.to_string(), "CN=Alice,OU=New,DC=contoso,DC=com");
    assert_eq!(domain.rebased(&users, &domain), None);
}

#[test]
fn domain_and_canonical_names() {
    let alice = dn("CN=Alice/B,OU=Sales,DC=contoso,DC=com");
    assert_eq!(alice.domain_dns_name().as_deref(), Some("contoso.com"));
    assert_eq!(
        alice.canonical_name().as_deref(),
        Some(r"contoso.com/Sales/Alice\/B")
    );
    let domain = Dn::from_dns("contoso.com").unwrap();
    assert_eq!(domain.canonical_name().as_deref(), Some("contoso.com/"));
    assert_eq!(dn("CN=Alice").domain_dns_name(), None);
    assert_eq!(dn("DC=a,CN=b,DC=com").domain_dns_name().as_deref(), Some("com"));
}

#[test]
fn errors_say_where_and_what() {
    assert_eq!(error("CN=a+SN=b,DC=x"), DnError::MultiValued { offset: 4 });
    assert_eq!(error(r#"CN="a"+SN=b"#), DnError::MultiValued { offset: 6 });
    assert_eq!(error("CN=a,Users"), DnError::NoEquals { offset: 5 });
    assert_eq!(error("CN=a,"), DnError::NoEquals { offset: 5 });
    assert_eq!(
        error("CN=,DC=x"),
        DnError::EmptyValue {
            attribute: "CN".to_owned()
        }
    );
    assert_eq!(
        error("CN=a<b"),
        DnError::Unescaped {
            character: '<',
            offset: 4
        }
    );
    assert_eq!(error(r"CN=a\"), DnError::Escape { offset: 4 });
    assert_eq!(error(r"CN=a\zz"), DnError::Escape { offset: 4 });
    assert_eq!(error(r#"CN="a"#), DnError::Quote { offset: 3 });
    assert_eq!(error(r#"CN="a" b"#), DnError::Quote { offset: 3 });
    assert_eq!(error("CN=#0401"), DnError::HexValue { offset: 3 });
    assert_eq!(
        error(r"CN=\ff"),
        DnError::NotText {
            attribute: "CN".to_owned()
        }
    );
    assert_eq!(
        error(r"CN=a\00"),
        DnError::NotText {
            attribute: "CN".to_owned()
        }
    );
    assert!(matches!(error("1x=a"), DnError::Attribute { .. }));
    assert!(matches!(error("=a"), DnError::Attribute { .. }));
    assert!("CN=a,CN=b".parse::<Rdn>().is_err() && "".parse::<Rdn>().is_err());
    assert!(error("CN=a+SN=b").to_string().contains(r"write `\+`"));
}

#[test]
fn sizes_at_their_limits() {
    let longest = format!("CN={}", "x".repeat(MAX_DN_BYTES - 3));
    assert!(longest.parse::<Dn>().is_ok());
    assert_eq!(
        error(&format!("{longest}x")),
        DnError::TooLong {
            actual: MAX_DN_BYTES + 1
        }
    );
    let deepest = vec!["CN=x"; MAX_RDNS].join(",");
    assert_eq!(dn(&deepest).rdns().len(), MAX_RDNS);
    assert_eq!(error(&format!("{deepest},CN=x")), DnError::TooManyComponents);
    assert!(Dn::from_rdns(vec![Rdn::new("CN", "x").unwrap(); MAX_RDNS + 1]).is_err());
}

#[test]
fn dns_names_are_checked() {
    for bad in ["", ".", "a..b", "a b", "contoso.com.", "ü.com"] {
        assert!(matches!(Dn::from_dns(bad), Err(DnError::DnsName { .. })), "{bad}");
    }
    assert!(Dn::from_dns(&format!("{}.com", "a".repeat(63))).is_ok());
    assert!(Dn::from_dns(&format!("{}.com", "a".repeat(64))).is_err());
}

proptest! {
    #[test]
    fn round_trips(values in prop::collection::vec("[^\0]{1,20}", 0..6)) {
        let rdns = values.iter().map(|value| Rdn::new("CN", value).unwrap()).collect();
        let name = Dn::from_rdns(rdns).unwrap();
        let read = dn(&name.to_string());
        let read_values: Vec<_> = read.rdns().iter().map(Rdn::value).collect();
        prop_assert_eq!(read_values, values);
    }

    #[test]
    fn equality_is_that_of_the_keys(a in "[aAbB,+ \\\\=ßıİKk]{1,3}", b in "[aAbB,+ \\\\=ßıİKk]{1,3}") {
        let a = Dn::from_rdns(vec![Rdn::new("CN", &a).unwrap()]).unwrap();
        let b = Dn::from_rdns(vec![Rdn::new("cn", &b).unwrap()]).unwrap();
        prop_assert_eq!(a == b, a.normalized() == b.normalized());
    }

    #[test]
    fn any_text_survives(text in "[CN=,+\"\\\\#; a0Ffé<>\n]{0,40}") {
        if let Ok(name) = text.parse::<Dn>() {
            prop_assert_eq!(dn(&name.to_string()), name);
        }
    }
}
