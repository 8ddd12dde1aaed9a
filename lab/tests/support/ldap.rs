//! LDAP messages made by hand, and a reader of the answers that shares nothing with the server's own codec.

/// One BER element.
pub fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match contents.len() {
        short @ 0..=0x7f => bytes.push(short as u8),
        long => {
            bytes.push(0x84);
            bytes.extend((long as u32).to_be_bytes());
        }
    }
    bytes.extend_from_slice(contents);
    bytes
}

fn text(value: &str) -> Vec<u8> {
    element(0x04, value.as_bytes())
}

fn number(tag: u8, value: u8) -> Vec<u8> {
    element(tag, &[value])
}

fn list(tag: u8, items: &[Vec<u8>]) -> Vec<u8> {
    element(tag, &items.concat())
}

/// A request in its envelope.
pub fn message(id: u8, operation: &[u8], controls: &[Vec<u8>]) -> Vec<u8> {
    let mut parts = vec![number(0x02, id), operation.to_vec()];
    if !controls.is_empty() {
        parts.push(list(0xa0, controls));
    }
    list(0x30, &parts)
}

fn control(oid: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![text(oid)];
    if critical {
        parts.push(number(0x01, 0xff));
    }
    parts.push(element(0x04, value));
    list(0x30, &parts)
}

/// A simple bind.
pub fn bind(name: &str, password: &str) -> Vec<u8> {
    let operation = list(
        0x60,
        &[number(0x02, 3), text(name), element(0x80, password.as_bytes())],
    );
    message(1, &operation, &[])
}

/// A search; `filter` is an encoded filter.
pub fn search(base: &str, scope: u8, filter: &[u8], attributes: &[&str], controls: &[Vec<u8>]) -> Vec<u8> {
    let names: Vec<_> = attributes.iter().map(|name| text(name)).collect();
    let operation = list(
        0x63,
        &[
            text(base),
            number(0x0a, scope),
            number(0x0a, 0),
            number(0x02, 0),
            number(0x02, 0),
            number(0x01, 0),
            filter.to_vec(),
            list(0x30, &names),
        ],
    );
    message(2, &operation, controls)
}

fn equals(name: &str, value: &str) -> Vec<u8> {
    list(0xa3, &[text(name), text(value)])
}

fn present(name: &str) -> Vec<u8> {
    element(0x87, name.as_bytes())
}

fn matching(rule: &str, name: &str, value: &str) -> Vec<u8> {
    let parts = [(0x81, rule), (0x82, name), (0x83, value)];
    list(0xa9, &parts.map(|(tag, part)| element(tag, part.as_bytes())))
}

/// The root of the directory tree: what anybody may read.
pub fn root_search() -> Vec<u8> {
    search("", 0, &present("objectClass"), &["dnsHostName"], &[])
}

fn change(kind: u8, name: &str, value: &str) -> Vec<u8> {
    list(
        0x30,
        &[
            number(0x0a, kind),
            list(0x30, &[text(name), list(0x31, &[text(value)])]),
        ],
    )
}

fn modify(dn: &str, changes: &[Vec<u8>]) -> Vec<u8> {
    message(4, &list(0x66, &[text(dn), list(0x30, changes)]), &[])
}

fn attribute(name: &str, value: &str) -> Vec<u8> {
    list(0x30, &[text(name), list(0x31, &[text(value)])])
}

fn extended(oid: &str) -> Vec<u8> {
    message(9, &list(0x77, &[element(0x80, oid.as_bytes())]), &[])
}

/// Requests of every kind that a directory knows, and some that it does not.
pub fn requests() -> Vec<Vec<u8>> {
    const BASE: &str = "DC=contoso,DC=com";
    const USER: &str = "CN=install-admin,CN=Users,DC=contoso,DC=com";
    let everything = present("objectClass");
    let guid = "\\44\\33\\22\\11";
    let filters = [
        everything.clone(),
        equals("sAMAccountName", "install-admin"),
        equals("objectGUID", guid),
        list(
            0xa0,
            &[
                equals("objectClass", "user"),
                list(0xa2, &[equals("objectCategory", "computer")]),
            ],
        ),
        list(
            0xa1,
            &[equals("anr", "install adm"), equals("noSuchAttribute", "x")],
        ),
        list(
            0xa4,
            &[
                text("displayName"),
                list(
                    0x30,
                    &[element(0x80, b"A"), element(0x81, b"l"), element(0x82, b"e")],
                ),
            ],
        ),
        list(0xa5, &[text("uSNChanged"), text("1")]),
        list(0xa6, &[text("whenCreated"), text("20300101000000.0Z")]),
        list(0xa8, &[text("cn"), text("alice")]),
        matching("1.2.840.113556.1.4.803", "userAccountControl", "2"),
        matching("1.2.840.113556.1.4.804", "groupType", "2147483650"),
        matching(
            "1.2.840.113556.1.4.1941",
            "memberOf",
            "CN=Domain Admins,CN=Users,DC=contoso,DC=com",
        ),
    ];
    let paged = |size: u8| {
        control(
            "1.2.840.113556.1.4.319",
            true,
            &list(0x30, &[number(0x02, size), text("")]),
        )
    };
    let dirsync = list(
        0x30,
        &[
            element(0x02, &[0x80, 0, 0, 1]),
            element(0x02, &[0x10, 0]),
            text(""),
        ],
    );
    let controls = [
        vec![paged(5)],
        vec![control("1.2.840.113556.1.4.841", true, &dirsync)],
        vec![control(
            "1.2.840.113556.1.4.801",
            true,
            &list(0x30, &[number(0x02, 7)]),
        )],
        vec![
            control("1.2.840.113556.1.4.529", false, &list(0x30, &[number(0x02, 1)])),
            paged(2),
        ],
        vec![
            control("1.2.840.113556.1.4.417", true, b""),
            control("1.2.840.113556.1.4.2064", true, b""),
        ],
        vec![control("1.2.3.4.5", true, b"unknown")],
        vec![control(
            "1.2.840.113556.1.4.473",
            true,
            &list(0x30, &[list(0x30, &[text("cn")])]),
        )],
    ];
    let names = [
        "*",
        "+",
        "1.1",
        "member;range=0-1",
        "nTSecurityDescriptor",
        "tokenGroups",
        "msDS-ManagedPassword",
    ];
    let mut all: Vec<Vec<u8>> = filters
        .iter()
        .map(|filter| search(BASE, 2, filter, &names[..1], &[]))
        .collect();
    all.extend(
        controls
            .iter()
            .map(|controls| search(BASE, 2, &filters[3], &["cn", "member"], controls)),
    );
    all.extend(
        names
            .iter()
            .map(|name| search(USER, 0, &everything, &[name], &[])),
    );
    let user = [
        attribute("objectClass", "user"),
        attribute("sAMAccountName", "mallory"),
        attribute("userPrincipalName", "mallory@contoso.com"),
    ];
    let sasl = list(0xa3, &[text("GSS-SPNEGO"), text("NTLMSSP\0")]);
    all.extend([
        root_search(),
        bind("CONTOSO\\install-admin", "wrong"),
        bind("", ""),
        message(1, &list(0x60, &[number(0x02, 3), text(""), sasl]), &[]),
        message(
            1,
            &list(0x60, &[number(0x02, 2), text(USER), element(0x80, b"x")]),
            &[],
        ),
        modify(
            USER,
            &[
                change(2, "department", "Tea"),
                change(0, "otherTelephone", "1"),
                change(1, "title", "x"),
            ],
        ),
        modify(USER, &[change(2, "unicodePwd", "\"\0a\0\"\0")]),
        modify(
            "CN=Domain Admins,CN=Users,DC=contoso,DC=com",
            &[change(0, "member", USER)],
        ),
        message(
            3,
            &list(
                0x68,
                &[text("CN=mallory,CN=Users,DC=contoso,DC=com"), list(0x30, &user)],
            ),
            &[],
        ),
        message(5, &element(0x4a, b"CN=mallory,CN=Users,DC=contoso,DC=com"), &[]),
        message(
            5,
            &element(0x4a, b"OU=Staff,DC=contoso,DC=com"),
            &[control("1.2.840.113556.1.4.805", true, b"")],
        ),
        message(
            6,
            &list(
                0x6c,
                &[
                    text(USER),
                    text("CN=renamed"),
                    number(0x01, 0xff),
                    element(0x80, BASE.as_bytes()),
                ],
            ),
            &[],
        ),
        message(
            7,
            &list(
                0x6e,
                &[text(USER), list(0x30, &[text("cn"), text("install-admin")])],
            ),
            &[],
        ),
        message(8, &element(0x50, &[2]), &[]),
        message(8, &element(0x42, b""), &[]),
        extended("1.3.6.1.4.1.1466.20037"),
        extended("1.3.6.1.4.1.4203.1.11.3"),
        extended("1.3.6.1.4.1.4203.1.11.1"),
    ]);
    all
}

/// Messages that aim at one limit each.
pub fn designed() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |tag: u8, depth: usize| {
        // From the inside out: the lengths must be true for the nesting to be reached.
        let mut filter = present("cn");
        for _ in 0..depth {
            filter = element(tag, &filter);
        }
        search("DC=contoso,DC=com", 2, &filter, &[], &[])
    };
    let wide = list(0xa1, &vec![present("cn"); 60_000]);
    let names: Vec<_> = (0..70_000).map(|_| "cn").collect();
    let values = vec![text("v"); 200_000];
    let everything = present("objectClass");
    let many_controls = vec![control("1.2.3", false, b""); 5_000];
    let long_name = format!("CN={}", "a".repeat(1 << 20));
    let many_parts = vec!["CN=a"; 20_000].join(",");
    vec![
        ("a filter of 3000 levels of and", nested(0xa0, 3_000)),
        ("a filter of 3000 levels of not", nested(0xa2, 3_000)),
        ("a filter of 60000 terms", search("", 2, &wide, &[], &[])),
        (
            "70000 selected attributes",
            search("DC=contoso,DC=com", 2, &everything, &names, &[]),
        ),
        (
            "5000 controls",
            search("DC=contoso,DC=com", 2, &everything, &[], &many_controls),
        ),
        (
            "a name of a megabyte",
            search(&long_name, 0, &everything, &[], &[]),
        ),
        (
            "a name of 20000 parts",
            search(&many_parts, 0, &everything, &[], &[]),
        ),
        (
            "200000 values",
            modify(
                "CN=Users,DC=contoso,DC=com",
                &[list(
                    0x30,
                    &[
                        number(0x0a, 0),
                        list(0x30, &[text("member"), list(0x31, &values)]),
                    ],
                )],
            ),
        ),
        ("a bind name of a megabyte", bind(&long_name, "x")),
        (
            "a password of a megabyte",
            bind("CONTOSO\\install-admin", &"p".repeat(1 << 20)),
        ),
        (
            "the indefinite form",
            [&[0x30, 0x80][..], &root_search()[2..], &[0, 0]].concat(),
        ),
        ("a length in 126 bytes", [&[0x30, 0xfe][..], &[0; 126]].concat()),
        ("a message id of zero", message(0, &element(0x42, b""), &[])),
        (
            "a message id below zero",
            list(0x30, &[element(0x02, &[0xff]), element(0x42, b"")]),
        ),
        (
            "a message id of five bytes",
            list(0x30, &[element(0x02, &[1, 0, 0, 0, 0]), element(0x42, b"")]),
        ),
        ("an empty sequence", vec![0x30, 0x00]),
        ("another protocol", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ]
}

/// Checks that the bytes are whole LDAP answers; the numbers of their results.
///
/// # Errors
/// What is wrong with them.
pub fn judge(answer: &[u8]) -> Result<Vec<u8>, String> {
    let mut codes = Vec::new();
    let mut rest = answer;
    while !rest.is_empty() {
        let (tag, message, after) = take(rest)?;
        if tag != 0x30 {
            return Err(format!("an answer begins with {tag:#04x}"));
        }
        let (id, _, operation) = take(message)?;
        let (kind, contents, _) = take(operation)?;
        if id != 0x02
            || !matches!(
                kind,
                0x61 | 0x64 | 0x65 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | 0x73 | 0x78 | 0x79
            )
        {
            return Err(format!(
                "an answer of kind {kind:#04x} with an id of kind {id:#04x}"
            ));
        }
        if !matches!(kind, 0x64 | 0x73) {
            let (_, code, _) = take(contents)?;
            codes.push(code.last().copied().unwrap_or_default());
        }
        rest = after;
    }
    Ok(codes)
}

/// The first element: its tag, its contents, and what follows it.
fn take(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), String> {
    let [tag, first, rest @ ..] = bytes else {
        return Err("an answer breaks off".into());
    };
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (length, rest) = rest
                .split_at_checked(usize::from(long & 0x7f))
                .ok_or("a length breaks off")?;
            (
                length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)),
                rest,
            )
        }
        other => return Err(format!("a length of the form {other:#04x}")),
    };
    let (contents, rest) = rest
        .split_at_checked(length)
        .ok_or("an answer ends before its length")?;
    Ok((*tag, contents, rest))
}
