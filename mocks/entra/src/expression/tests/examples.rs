//! Every example of the references, with the section it stands in.
//!
//! CS: cloud sync reference of expressions. AP: general reference of application provisioning. CO: reference of
//! Connect Sync. SC: the schema of a cloud sync job as `GET …/schema` shows it.

use time::macros::datetime;

use super::super::Expression;
use super::super::Value;
use super::{Object, evaluate, parse, texts};

/// Section, expression, single-valued attributes, result as text.
type Row = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

const UPN: &[(&str, &str)] = &[("PreferredFirstName", "John"), ("PreferredLastName", "Smith")];

const ROWS: &[Row] = &[
    ("CS BitAnd", "BitAnd(&HF, &HF7)", &[], "7"),
    (
        "CS CBool",
        "CBool([attrib1] = [attrib2])",
        &[("attrib1", "a"), ("attrib2", "a")],
        "True",
    ),
    (
        "CS CBool",
        "CBool([attrib1] = [attrib2])",
        &[("attrib1", "a"), ("attrib2", "b")],
        "False",
    ),
    (
        "CS ConvertFromBase64",
        r#"ConvertFromBase64("SABlAGwAbABvACAAdwBvAHIAbABkACEA")"#,
        &[],
        "Hello world!",
    ),
    (
        "CS ConvertFromBase64",
        r#"ConvertFromBase64("SGVsbG8gd29ybGQh", UTF8)"#,
        &[],
        "Hello world!",
    ),
    (
        "CS ConvertToBase64",
        r#"ConvertToBase64("Hello world!")"#,
        &[],
        "SABlAGwAbABvACAAdwBvAHIAbABkACEA",
    ),
    (
        "CS ConvertToUTF8Hex",
        r#"ConvertToUTF8Hex("Hello world!")"#,
        &[],
        "48656C6C6F20776F726C6421",
    ),
    (
        "CS CStr",
        "CStr([dn])",
        &[("dn", "cn=Joe,dc=contoso,dc=com")],
        "cn=Joe,dc=contoso,dc=com",
    ),
    (
        "CS DateFromNum",
        "DateFromNum(129699324000000000)",
        &[],
        "1/1/2012 11:00:00 PM",
    ),
    (
        "CS DateFromNum",
        "DateFromNum([lastLogonTimestamp])",
        &[("lastLogonTimestamp", "129699324000000000")],
        "1/1/2012 11:00:00 PM",
    ),
    (
        "CS DNComponent",
        "DNComponent([dn],1)",
        &[("dn", "cn=Joe,ou=Sales,dc=contoso,dc=com")],
        "Joe",
    ),
    (
        "CS Error",
        r#"IIF(IsPresent([accountName]),[accountName],Error("AccountName is required"))"#,
        &[("accountName", "joe")],
        "joe",
    ),
    (
        "CS IIF",
        r#"IIF([employeeType]="Intern","t-" & [alias],[alias])"#,
        &[("employeeType", "Intern"), ("alias", "joe")],
        "t-joe",
    ),
    (
        "CS IIF",
        r#"IIF([employeeType]="Intern","t-" & [alias],[alias])"#,
        &[("employeeType", "Clerk"), ("alias", "joe")],
        "joe",
    ),
    ("CS InStr", r#"InStr("The quick brown fox","quick")"#, &[], "5"),
    ("CS InStr", r#"InStr("repEated","e",3,vbBinaryCompare)"#, &[], "7"),
    ("CS IsNull", "IsNull([displayName])", &[], "True"),
    (
        "CS IsNull",
        "IsNull([displayName])",
        &[("displayName", "")],
        "False",
    ),
    ("CS IsNullOrEmpty", "IsNullOrEmpty([displayName])", &[], "True"),
    (
        "CS IsNullOrEmpty",
        "IsNullOrEmpty([displayName])",
        &[("displayName", "")],
        "True",
    ),
    (
        "CS IsNullOrEmpty",
        "IsNullOrEmpty([displayName])",
        &[("displayName", "Joe")],
        "False",
    ),
    (
        "CS IsPresent",
        "Switch(IsPresent([directManager]),[directManager], IsPresent([skiplevelManager]),[skiplevelManager], \
         IsPresent([director]),[director])",
        &[("directManager", "m")],
        "m",
    ),
    ("CS Left", r#"Left("John Doe", 3)"#, &[], "Joh"),
    ("CS Trim", r#"Trim(" Test ")"#, &[], "Test"),
    ("CS Word", r#"Word("The quick brown fox",3," ")"#, &[], "brown"),
    (
        "CS Word",
        r#"Word("This,string!has&many separators",3,",!&#")"#,
        &[],
        "has",
    ),
    (
        "CS Strip known domain name",
        r#"Replace([mail], "@contoso.com", , ,"", ,)"#,
        &[("mail", "john.doe@contoso.com")],
        "john.doe",
    ),
    (
        "CS Append constant suffix",
        r#"Append([userPrincipalName], ".test")"#,
        &[("userPrincipalName", "John.Doe@contoso.com")],
        "John.Doe@contoso.com.test",
    ),
    (
        "CS Generate user alias",
        "Append(Mid([givenName], 1, 3), Mid([surname], 1, 5))",
        &[("givenName", "John"), ("surname", "Doe")],
        "JohDoe",
    ),
    (
        "CS Remove diacritics",
        "NormalizeDiacritics([givenName])",
        &[("givenName", "Zoë")],
        "Zoe",
    ),
    (
        "CS Output date",
        r#"FormatDateTime([extensionAttribute1], "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")"#,
        &[("extensionAttribute1", "20150123105347.1Z")],
        "2015-01-23",
    ),
    (
        "CS Replace a value",
        r#"Switch([state], "Australia/Sydney", "NSW", "Australia/Sydney","QLD", "Australia/Brisbane", "SA", "Australia/Adelaide")"#,
        &[("state", "QLD")],
        "Australia/Brisbane",
    ),
    (
        "CS Replace a value",
        r#"Switch([state], "Australia/Sydney", "NSW", "Australia/Sydney","QLD", "Australia/Brisbane", "SA", "Australia/Adelaide")"#,
        &[("state", "VIC")],
        "Australia/Sydney",
    ),
    (
        "CS Replace characters",
        r#"Replace([mailNickname], , "[a-zA-Z_]*", , "", , )"#,
        &[("mailNickname", "john_doe72")],
        "72",
    ),
    (
        "CS Convert generated UPN",
        r#"ToLower(Join("@", NormalizeDiacritics(StripSpaces(Join(".",  [PreferredFirstName], [PreferredLastName]))), "contoso.com"))"#,
        UPN,
        "john.smith@contoso.com",
    ),
    (
        "AP FormatDateTime",
        r#"FormatDateTime([extensionAttribute1], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")"#,
        &[("extensionAttribute1", "20150123105347.1Z")],
        "2015-01-23",
    ),
    (
        "AP NumFromDate",
        r#"Join("", FormatDateTime([ContractEndDate], ,"yyyy-MM-ddzzz", "yyyy-MM-dd"), " 23:59:59-08:00")"#,
        &[("ContractEndDate", "2020-12-31-08:00")],
        "2020-12-31 23:59:59-08:00",
    ),
    (
        "AP NumFromDate",
        r#"Join("",FormatDateTime([endDate], ,"M/d/yyyy hh:mm:ss tt","yyyy-MM-dd")," 23:59:59-08:00")"#,
        &[("endDate", "3/16/2020 07:00:00 AM")],
        "2020-03-16 23:59:59-08:00",
    ),
    ("AP Guid", "Guid()", &[], "00aa00aa-bb11-cc22-dd33-44ee44ee44ee"),
    (
        "AP IIF",
        r#"IIF([country]="USA",[country],[department])"#,
        &[("country", "USA"), ("department", "Sales")],
        "USA",
    ),
    (
        "AP IIF, and",
        r#"IIF([country]="USA",IIF([state]="CA","True","False"),"False")"#,
        &[("country", "USA"), ("state", "CA")],
        "True",
    ),
    (
        "AP IIF, or",
        r#"IIF([country]="USA","True",IIF([state]="CA","True","False"))"#,
        &[("country", "CAN"), ("state", "ON")],
        "False",
    ),
    (
        "AP IIF, limitations",
        r#"IIF([country]="","Other",[country])"#,
        &[],
        "",
    ),
    (
        "AP IIF, limitations",
        r#"Switch([country],[country],"","Other")"#,
        &[],
        "Other",
    ),
    (
        "AP IIF, limitations",
        r#"Switch([country],[country],"","Other")"#,
        &[("country", "USA")],
        "USA",
    ),
    (
        "AP Replace 1",
        r#"Replace([BusinessTitle],"Product Developer", , , "Software Engineer", , )"#,
        &[("BusinessTitle", "Product Developer")],
        "Software Engineer",
    ),
    (
        "AP Replace 2",
        r#"Replace([UserID],"<username>", , , , , "<username>@contoso.com")"#,
        &[("UserID", "jsmith")],
        "jsmith@contoso.com",
    ),
    (
        "AP Replace 3",
        r#"Replace([telephoneNumber], , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", , "${phoneNumber}", , )"#,
        &[("telephoneNumber", "+91 9998887777")],
        "9998887777",
    ),
    (
        // The reference prints the result without `+`, which the expression does not remove.
        "AP Replace 3",
        r#"Replace([mobile], , "[()\\s-]+", , "", , )"#,
        &[("mobile", "+1 (999) 888-7777")],
        "+19998887777",
    ),
    (
        "AP Replace 4",
        r#"Replace([AddressLineData], ,"(?<streetNumber>^\\d*)","streetNumber", "888", , )"#,
        &[("AddressLineData", "545 Tremont Street")],
        "888 Tremont Street",
    ),
    (
        "AP Replace 4",
        r#"Replace([userPrincipalName], , "(?<Suffix>@(.)*)", "Suffix", "", , )"#,
        &[("userPrincipalName", "jsmith@contoso.com")],
        "jsmith",
    ),
    (
        "AP Replace 5",
        r#"Replace([telephoneNumber], , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", "phoneNumber" , , [mobile], )"#,
        &[("telephoneNumber", ""), ("mobile", "+91 8887779999")],
        "8887779999",
    ),
    (
        "AP Replace 5",
        r#"Replace([telephoneNumber], , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", "phoneNumber" , , [mobile], )"#,
        &[("telephoneNumber", "+1 2223334444"), ("mobile", "+91 8887779999")],
        "+1 2223334444",
    ),
    (
        "AP Switch, case",
        r#"Switch(ToLower([statusFlag]), "0", "true", "1", "false", "0")"#,
        &[("statusFlag", "TRUE")],
        "1",
    ),
    (
        "AP Switch, case",
        r#"Switch([statusFlag], "0", "true", "1", "false", "0")"#,
        &[("statusFlag", "TRUE")],
        "0",
    ),
    (
        "AP Switch, empty",
        r#"Switch([statusFlag], "Default Value", "true", "1", "", "0")"#,
        &[],
        "0",
    ),
    (
        "AP Add a comma",
        r#"Join(", ", "", [surname], [givenName])"#,
        &[("givenName", "John"), ("surname", "Doe")],
        "Doe, John",
    ),
    (
        // The output that the reference prints belongs to this id and not to the one that it prints beside it.
        "AP Generate an ID",
        r#"Join("", 1000, Replace(ConvertToUTF8Hex([objectId]), , "[a-zA-Z_]*", , "", , ))"#,
        &[("objectId", "d05e47b1-3909-445a-ba5e-ca60cbc0e4b4")],
        "100064303565343762312333930392343435612626135652636136306362633065346234",
    ),
    ("CO Mid", r#"Mid("John Doe", 3, 5)"#, &[], "hn Do"),
    ("CO Mid", r#"Mid("John Doe", 6, 999)"#, &[], "Doe"),
    (
        "SC AccountEnabled",
        r#"IIF(IsPresent([userAccountControl]), IIF(BitAnd([userAccountControl], 2)="0", "True", "False"), Not([accountDisabled]))"#,
        &[("userAccountControl", "512")],
        "True",
    ),
    (
        "SC AccountEnabled",
        r#"IIF(IsPresent([userAccountControl]), IIF(BitAnd([userAccountControl], 2)="0", "True", "False"), Not([accountDisabled]))"#,
        &[("userAccountControl", "514")],
        "False",
    ),
    (
        "CS 5.10 cn",
        r#"Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))"#,
        &[
            ("displayName", " Sales "),
            ("objectId", "00aa00aa-bb11-cc22-dd33-44ee44ee44ee"),
        ],
        "Sales_44ee44ee44ee",
    ),
    (
        "CS 5.10 adminDescription",
        r#"Append("Group_",[objectId])"#,
        &[("objectId", "1")],
        "Group_1",
    ),
    (
        "CS 5.10 description",
        "Left(Trim([description]),448)",
        &[("description", " a ")],
        "a",
    ),
    (
        "Graph parseExpression",
        r#"Replace([preferredLanguage], "-", , , "_", ,  )"#,
        &[("preferredLanguage", "EN-US")],
        "EN_US",
    ),
];

#[test]
fn every_documented_example_gives_its_documented_result() {
    for (section, expression, attributes, result) in ROWS {
        let value = evaluate(expression, &Object::new(attributes));
        assert_eq!(value.to_text(), *result, "{section}: {expression}");
    }
}

#[test]
fn documented_examples_of_several_values() {
    let mut object = Object::new(&[("extensionAttribute5", "PermissionSetOne, PermissionSetTwo")]);
    for address in ["SMTP:a@contoso.com", " smtp:b@contoso.com", "SMTP:a@contoso.com"] {
        object.add("proxyAddresses", Value::from(address));
    }
    // CS Split.
    assert_eq!(
        evaluate(r#"Split([extensionAttribute5], ",")"#, &object),
        texts(&["PermissionSetOne", "PermissionSetTwo"])
    );
    // CO Split.
    assert_eq!(
        evaluate(
            r#"Split("SMTP:john.doe@contoso.com,smtp:jd@contoso.com",",")"#,
            &object
        ),
        texts(&["SMTP:john.doe@contoso.com", "smtp:jd@contoso.com"])
    );
    // CS Trim: each value.
    assert_eq!(
        evaluate("Trim([proxyAddresses])", &object),
        texts(&["SMTP:a@contoso.com", "smtp:b@contoso.com", "SMTP:a@contoso.com"])
    );
    // CS RemoveDuplicates.
    assert_eq!(
        evaluate("RemoveDuplicates([proxyAddresses])", &object),
        texts(&["SMTP:a@contoso.com", " smtp:b@contoso.com"])
    );
    // AP Item.
    assert_eq!(
        evaluate("Item([proxyAddresses], 1)", &object),
        Value::from("SMTP:a@contoso.com")
    );
    // CS Join: values of an attribute are joined too.
    assert_eq!(
        evaluate(r#"Join(";", [proxyAddresses], "x")"#, &object).to_text(),
        "SMTP:a@contoso.com; smtp:b@contoso.com;SMTP:a@contoso.com;x"
    );
}

#[test]
fn a_date_is_a_time_and_no_text() {
    assert_eq!(
        evaluate("DateFromNum(129699324000000000)", &Object::default()),
        Value::Time(datetime!(2012-01-01 23:00 UTC))
    );
}

#[test]
fn unique_values_are_selected_in_order() {
    let rules = r#"
        SelectUniqueValue(
            Join("@", NormalizeDiacritics(StripSpaces(Join(".",  [PreferredFirstName], [PreferredLastName]))), "contoso.com"),
            Join("@", NormalizeDiacritics(StripSpaces(Join(".",  Mid([PreferredFirstName], 1, 1), [PreferredLastName]))), "contoso.com"),
            Join("@", NormalizeDiacritics(StripSpaces(Join(".",  Mid([PreferredFirstName], 1, 2), [PreferredLastName]))), "contoso.com")
        )"#;
    let all = [
        "John.Smith@contoso.com",
        "J.Smith@contoso.com",
        "Jo.Smith@contoso.com",
    ];
    for taken in 0..all.len() {
        let object = Object {
            attributes: Object::new(UPN).attributes,
            ..Object::taking(&all[..taken])
        };
        assert_eq!(evaluate(rules, &object), Value::from(all[taken]));
    }
}

/// Examples of the cloud sync reference that call functions which it does not have.
#[test]
fn examples_beyond_the_list_are_refused() {
    for (expression, function, position) in [
        ("DNComponent(CRef([dn]),1)", "CRef", 13),
        (
            r#"Mid(Item([proxyAddresses],Contains([proxyAddresses], "SMTP:")),6)"#,
            "Contains",
            27,
        ),
    ] {
        let error = Expression::parse(expression).unwrap_err();
        assert_eq!(error.position, position, "{error}");
        assert!(error.message.contains(function), "{error}");
        assert!(error.message.contains("not in the cloud sync list"), "{error}");
    }
}

/// The whole table of the general reference.
#[test]
fn diacritics_become_what_the_reference_says() {
    const TABLE: &[(&str, &str)] = &[
        ("ä, à, â, ã, å, á, ą, ă, ā, ā́, ā̀, ā̂, ā̃, ǟ, ā̈, ǡ, a̱, å̄", "a"),
        ("Ä, À, Â, Ã, Å, Á, Ą, Ă, Ā, Ā́, Ā̀, Ā̂, Ā̃, Ǟ, Ā̈, Ǡ, A̱, Å̄", "A"),
        ("æ, ǣ", "ae"),
        ("Æ, Ǣ", "AE"),
        ("ç, č, ć, c̄, c̱", "c"),
        ("Ç, Č, Ć, C̄, C̱", "C"),
        ("ď, d̄, ḏ", "d"),
        ("Ď, D̄, Ḏ", "D"),
        ("ë, è, é, ê, ę, ě, ė, ē, ḗ, ḕ, ē̂, ē̃, ê̄, e̱, ë̄, e̊̄", "e"),
        ("Ë, È, É, Ê, Ę, Ě, Ė, Ē, Ḗ, Ḕ, Ē̂, Ē̃, Ê̄, E̱, Ë̄, E̊̄", "E"),
        ("ğ, ḡ, g̱", "g"),
        ("Ğ, Ḡ, G̱", "G"),
        ("ï, î, ì, í, ı, ī, ī́, ī̀, ī̂, ī̃, i̱", "i"),
        ("Ï, Î, Ì, Í, İ, Ī, Ī́, Ī̀, Ī̂, Ī̃, I̱", "I"),
        ("ľ, ł, l̄, ḹ, ḻ", "l"),
        ("Ł, Ľ, L̄, Ḹ, Ḻ", "L"),
        ("ñ, ń, ň, n̄, ṉ", "n"),
        ("Ñ, Ń, Ň, N̄, Ṉ", "N"),
        ("ö, ò, ő, õ, ô, ó, ō, ṓ, ṑ, ō̂, ō̃, ȫ, ō̈, ǭ, ȭ, ȱ, o̱", "o"),
        ("Ö, Ò, Ő, Õ, Ô, Ó, Ō, Ṓ, Ṑ, Ō̂, Ō̃, Ȫ, Ō̈, Ǭ, Ȭ, Ȱ, O̱", "O"),
        ("ø, ø̄, œ̄", "oe"),
        ("Ø, Ø̄, Œ̄", "OE"),
        ("ř, r̄, ṟ, ṝ", "r"),
        ("Ř, R̄, Ṟ, Ṝ", "R"),
        ("ß", "ss"),
        ("š, ś, ș, ş, s̄, s̱", "s"),
        ("Š, Ś, Ș, Ş, S̄, S̱", "S"),
        ("ť, ț, t̄, ṯ", "t"),
        ("Ť, Ț, T̄, Ṯ", "T"),
        ("ü, ù, û, ú, ů, ű, ū, ū́, ū̀, ū̂, ū̃, u̇̄, ǖ, ṻ, ṳ̄, u̱", "u"),
        ("Ü, Ù, Û, Ú, Ů, Ű, Ū, Ū́, Ū̀, Ū̂, Ū̃, U̇̄, Ǖ, Ṻ, Ṳ̄, U̱", "U"),
        ("ÿ, ý, ȳ, ȳ́, ȳ̀, ȳ̃, y̱", "y"),
        ("Ÿ, Ý, Ȳ, Ȳ́, Ȳ̀, Ȳ̃, Y̱", "Y"),
        ("ź, ž, ż, z̄, ẕ", "z"),
        ("Ź, Ž, Ż, Z̄, Ẕ", "Z"),
    ];
    let expression = parse("NormalizeDiacritics([x])");
    for (letters, plain) in TABLE {
        for letter in letters.split(", ") {
            let value = expression.evaluate(&Object::new(&[("x", letter)])).unwrap();
            assert_eq!(value, Value::from(*plain), "{letter}");
        }
    }
}
