//! Checks of expectations.

use super::Lint;
use crate::scenario::{Expectation, Expected};

impl Lint<'_> {
    pub(super) fn expected(&mut self, expected: &Expected) {
        if let (Some(within), Some(_)) = (&expected.within, &expected.throughout) {
            let help =
                "`within` waits until it holds, `throughout` demands that it holds all the time: keep one";
            self.complain(
                within,
                "`within` and `throughout` exclude each other".into(),
                Some(help.into()),
            );
        }
        for expectation in &expected.that {
            self.expectation(&expectation.value);
        }
    }

    fn expectation(&mut self, expectation: &Expectation) {
        match expectation {
            Expectation::Wizard { host, .. }
            | Expectation::Service { host, .. }
            | Expectation::Event { host, .. }
            | Expectation::HostsCalled { host, .. } => self.host(host),
            Expectation::Agent { host, tenant, .. } => {
                self.host(host);
                self.tenant(tenant);
            }
            Expectation::Gmsa { domain, allowed, .. } => {
                self.domain(domain);
                for host in allowed {
                    self.host(host);
                }
            }
            Expectation::GmsaCount { domain, .. } => self.domain(domain),
            Expectation::CloudObjects(count) => self.tenant(&count.tenant),
            Expectation::Agents { tenant, .. }
            | Expectation::ExportedOnce { tenant }
            | Expectation::CloudUser { tenant, .. }
            | Expectation::CloudGroup { tenant, .. }
            | Expectation::ProvisioningError { tenant, .. }
            | Expectation::OnDemand { tenant, .. }
            | Expectation::PasswordAnswer { tenant, .. }
            | Expectation::SignIn { tenant, .. }
            | Expectation::WritebackClient { tenant, .. } => self.tenant(tenant),
            Expectation::Logon { account, .. } => self.account_name(account),
            Expectation::InSync { tenant, domain } | Expectation::Job { tenant, domain, .. } => {
                self.tenant(tenant);
                self.domain(domain);
            }
            Expectation::ProvisioningLog { tenant, domain, .. } => {
                self.tenant(tenant);
                if let Some(domain) = domain {
                    self.domain(domain);
                }
            }
            Expectation::DirectoryObject { domain, members, .. } => {
                self.domain(domain);
                for member in members.iter().flatten() {
                    self.account_name(member);
                }
            }
        }
    }
}
