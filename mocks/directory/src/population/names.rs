//! What people, places and groups are called. Short lists with characters that break careless clients.

pub(super) const GIVEN_NAMES: &[&str] = &[
    "Ada", "Aisha", "Alice", "Amélie", "Anders", "Ben", "Björn", "Carlos", "Chloé", "Claire", "Dara",
    "David", "Elena", "Emeka", "Eva", "Fatima", "Finn", "Grace", "Hana", "Hugo", "Ingrid", "Ivan", "Jana",
    "Joon", "José", "Kai", "Kofi", "Lars", "Leïla", "Lucía", "Mateo", "Mei", "Mina", "Nadia", "Noor", "Olga",
    "Omar", "Pia", "Priya", "Quentin", "Rosa", "Sam", "Sofía", "Tariq", "Tomás", "Uma", "Vera", "Wei",
    "Yara", "Zoë",
];

pub(super) const SURNAMES: &[&str] = &[
    "Abebe",
    "Andersson",
    "Bauer",
    "Brown",
    "Castillo",
    "Chen",
    "Costa",
    "D'Angelo",
    "Dubois",
    "Eriksen",
    "Fischer",
    "García",
    "Gómez",
    "Haddad",
    "Hansen",
    "Ibrahim",
    "Ito",
    "Jensen",
    "Jones",
    "Kaya",
    "Kim",
    "Kovács",
    "Larsen",
    "Lee",
    "López",
    "Martin",
    "Meyer",
    "Müller",
    "Nakamura",
    "Ndiaye",
    "Novák",
    "O'Brien",
    "Okafor",
    "Patel",
    "Peña",
    "Petrov",
    "Quispe",
    "Rossi",
    "Sato",
    "Schäfer",
    "Silva",
    "Singh",
    "Smith",
    "Sørensen",
    "Tanaka",
    "Torres",
    "Usman",
    "Vogel",
    "Weiß",
    "Zhang",
];

pub(super) const DEPARTMENTS: &[&str] = &[
    "Customer Service",
    "Engineering",
    "Facilities",
    "Finance",
    "Human Resources",
    "Information Technology",
    "Legal",
    "Logistics",
    "Marketing",
    "Procurement",
    "Research & Development",
    "Sales",
];

pub(super) const TITLES: &[&str] = &[
    "Administrator",
    "Analyst",
    "Architect",
    "Assistant",
    "Consultant",
    "Coordinator",
    "Director",
    "Engineer",
    "Manager",
    "Specialist",
    "Technician",
    "Vice President",
];

/// City, country and country code.
pub(super) const CITIES: &[(&str, &str, &str)] = &[
    ("Accra", "Ghana", "GH"),
    ("Berlin", "Germany", "DE"),
    ("Copenhagen", "Denmark", "DK"),
    ("Lima", "Peru", "PE"),
    ("Lyon", "France", "FR"),
    ("Mumbai", "India", "IN"),
    ("Osaka", "Japan", "JP"),
    ("São Paulo", "Brazil", "BR"),
    ("Seattle", "United States", "US"),
    ("Zürich", "Switzerland", "CH"),
];

pub(super) const TOPICS: &[&str] = &[
    "Atlas",
    "Budget",
    "Campus",
    "Delivery",
    "Europe",
    "Fleet",
    "Gateway",
    "Harbour",
    "Intranet",
    "Journal",
    "Kitchen",
    "Laboratory",
];

pub(super) const GROUP_KINDS: &[&str] = &["Contributors", "Owners", "Readers", "Team", "Visitors"];

/// A name in the letters that account names are made of: lower case and without accents.
pub(super) fn ascii(name: &str) -> String {
    name.chars()
        .filter_map(|c| match c {
            'é' | 'è' | 'ë' => Some('e'),
            'ï' | 'í' => Some('i'),
            'á' | 'ä' => Some('a'),
            'ö' | 'ó' | 'ø' => Some('o'),
            'ü' => Some('u'),
            'ñ' => Some('n'),
            'ß' => Some('s'),
            c if c.is_ascii_alphabetic() => Some(c.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leaves_an_account_name() {
        for name in GIVEN_NAMES.iter().chain(SURNAMES) {
            let letters = name.chars().filter(|c| c.is_alphabetic()).count();
            assert_eq!(ascii(name).len(), letters, "{name}");
        }
    }
}
