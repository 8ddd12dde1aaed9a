//! What all cases share: a unit for theirs, and somebody without any right.

use std::time::{SystemTime, UNIX_EPOCH};

use ldap3::Ldap;
use provlab_protocol::unicode_pwd;

use crate::{
    client::perform,
    mask::Masks,
    operation::Operation,
    server::{DOMAIN, DOMAIN_DN, Server},
};

/// Password of the accounts here.
pub const PASSWORD: &str = "Passw0rd.Lab";

/// The shared part of a domain; its names are the same on every server of a run.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// Tells one run from another on a domain that outlives them.
    pub run: String,
    /// The unit that the cases' units are in.
    pub unit: String,
}

impl Fixture {
    /// Names for this run.
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let run = format!("{:03x}", now.as_millis() / 100 % 0x1000);
        Self {
            unit: format!("OU=parity-{run},{DOMAIN_DN}"),
            run,
        }
    }

    /// Name and password of those whom cases go on as.
    pub fn credential(&self, who: &str) -> Option<(String, String)> {
        let account = match who {
            "plain" => format!("plain{}@{DOMAIN}", self.run),
            "computer" => format!("host{}$@{DOMAIN}", self.run),
            _ => return None,
        };
        Some((account, PASSWORD.to_owned()))
    }

    /// Makes what is shared.
    pub async fn build(&self, server: &Server) -> Result<(), String> {
        let mut ldap = server.administrator().await.map_err(|error| error.to_string())?;
        self.add(&mut ldap, "", &[("objectClass", "organizationalUnit")])
            .await?;
        let password = [("userAccountControl", "512")];
        let name = format!("plain{}", self.run);
        let user = [("objectClass", "user"), ("sAMAccountName", name.as_str())];
        self.add(&mut ldap, "CN=plain,", &[user.as_slice(), &password].concat())
            .await?;
        let name = format!("host{}$", self.run);
        let computer = [
            ("objectClass", "computer"),
            ("sAMAccountName", name.as_str()),
            ("userAccountControl", "4096"),
        ];
        self.add(&mut ldap, "CN=host,", &computer).await
    }

    async fn add(&self, ldap: &mut Ldap, rdn: &str, attributes: &[(&str, &str)]) -> Result<(), String> {
        let mut attributes: Vec<(String, Vec<Vec<u8>>)> = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), vec![value.as_bytes().to_vec()]))
            .collect();
        if attributes.iter().any(|(name, _)| name == "userAccountControl") {
            attributes.push((
                "unicodePwd".to_owned(),
                vec![unicode_pwd::encode(PASSWORD).to_vec()],
            ));
        }
        let dn = format!("{rdn}{}", self.unit);
        let masks = Masks {
            unit: self.unit.clone(),
            id: self.run.clone(),
        };
        let add = Operation::Add { dn, attributes };
        let seen = perform(ldap, &add.into(), &masks, Default::default(), |_| true).await?;
        match seen.code {
            0 => Ok(()),
            _ => Err(format!(
                "cannot make {rdn}{}: {}",
                self.unit,
                seen.lines(Default::default()).join("; ")
            )),
        }
    }
}
