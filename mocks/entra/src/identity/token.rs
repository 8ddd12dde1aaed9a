//! The token endpoint: one function a grant (PR 3.3).

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use provlab_protocol::oauth::{TokenResponse, device_flow};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::clients::Client;
use super::error::Failure;
use super::form::Form;
use super::issue::{Issue, Version, respond};
use super::request::Requested;
use super::tenants::{self, Authority};
use crate::http::Caller;
use crate::shared::Shared;
use crate::state::{GLOBAL, Grant, GrantKind, ServicePrincipal, Tenant, Txn, User};

const DEVICE_CODE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The endpoint of the version that its route names.
pub(super) async fn endpoint(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Extension(version): Extension<Version>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(&shared, &caller, &tenant, version, &headers, &body)
}

fn answer(
    shared: &Arc<Shared>,
    caller: &Caller,
    tenant: &str,
    version: Version,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let form = Form::read(headers, body);
    let exchange = Exchange {
        shared,
        caller,
        segment: tenant,
        version,
        form: &form,
    };
    match exchange.perform() {
        Ok(tokens) => respond(&tokens),
        Err(failure) => failure.respond(shared, caller, headers),
    }
}

struct Exchange<'a> {
    shared: &'a Arc<Shared>,
    caller: &'a Caller,
    segment: &'a str,
    version: Version,
    form: &'a Form,
}

impl Exchange<'_> {
    fn perform(&self) -> Result<TokenResponse, Failure> {
        let grant = self.form.need("grant_type")?;
        match grant {
            "password" => self.password(),
            "client_credentials" => self.client_credentials(),
            "authorization_code" => self.authorization_code(),
            "refresh_token" => self.refresh_token(),
            DEVICE_CODE_GRANT | "device_code" => self.device_code(),
            _ => Err(Failure::new(70003).with("grantType", tenants::shortened(grant))),
        }
    }

    fn password(&self) -> Result<TokenResponse, Failure> {
        let client_id = self.form.need("client_id")?;
        let name = self.form.need("username")?;
        let password = self
            .form
            .secret("password")
            .ok_or_else(|| Failure::missing("password"))?;
        // A refused password is stored too: it counts towards the lock.
        self.shared.db.write(|txn| {
            let tenant = tenants::tenant_of_user(txn.cloud(), self.caller, self.segment, name)?;
            let client = Client::find(txn.cloud(), &tenant, client_id)?;
            let requested = self.requested(&tenant, None)?;
            let user = match check_password(
                txn,
                &tenant,
                name,
                password,
                &requested.audience,
                self.shared.now(),
            ) {
                Ok(user) => user,
                Err(failure) => return Ok::<_, Failure>(Err(failure)),
            };
            Ok(self.issue(txn, &tenant, &client, &requested, &user, None, None))
        })?
    }

    fn client_credentials(&self) -> Result<TokenResponse, Failure> {
        let client_id = self.form.need("client_id")?;
        if self.form.text("client_assertion").is_some() {
            return Err(Failure::new(700_027));
        }
        self.shared.db.read(|cloud| {
            let Authority::One(tenant) = tenants::authority(cloud, self.caller, self.segment)? else {
                return Err(Failure::new(50059));
            };
            let client = Client::find(cloud, &tenant, client_id)?;
            let secret = self
                .form
                .secret("client_secret")
                .ok_or_else(|| Failure::new(7_000_218))?;
            let proof = client.prove(Some(secret), self.shared.now())?;
            let requested = self.requested(&tenant, None)?;
            if !requested.permissions.is_empty() {
                return Err(Failure::new(70011).with("scope", tenants::shortened(&requested.scope)));
            }
            let principal = cloud
                .service_principals
                .find(tenant.id, ServicePrincipal::BY_APP_ID, &client.id.to_string())
                .next();
            Issue {
                shared: self.shared,
                tenant: &tenant,
                client: &client,
                proof,
                requested: &requested,
                version: self.version,
                now: self.shared.now(),
            }
            .for_application(principal)
        })
    }

    fn authorization_code(&self) -> Result<TokenResponse, Failure> {
        let client_id = self.form.need("client_id")?;
        let code = self.form.need("code")?;
        let uri = self.form.need("redirect_uri")?;
        self.redeem(client_id, code, |grant| {
            let GrantKind::AuthorizationCode {
                redirect_uri,
                challenge,
                nonce,
            } = &grant.kind
            else {
                return Err(Failure::new(70000).with("parameter", "code"));
            };
            if redirect_uri != uri {
                return Err(Failure::new(70000).with("parameter", "redirect_uri"));
            }
            if let Some(challenge) = challenge {
                let verifier = self.form.need("code_verifier")?;
                let derived = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
                if !bool::from(derived.as_bytes().ct_eq(challenge.as_bytes())) {
                    return Err(Failure::new(501_481));
                }
            }
            Ok(nonce.clone())
        })
    }

    fn device_code(&self) -> Result<TokenResponse, Failure> {
        let client_id = self.form.need("client_id")?;
        let code = self.form.text("device_code").or_else(|| self.form.text("code"));
        let code = code.ok_or_else(|| Failure::missing("device_code"))?;
        let waiting = self
            .shared
            .db
            .read(|cloud| cloud.grants.get(GLOBAL, &Grant::hash(code)).cloned());
        match waiting {
            Some(Grant {
                kind: GrantKind::DeviceCode { declined, .. },
                subject,
                expires,
                ..
            }) => {
                if declined {
                    return Err(Failure::new(65001).error(device_flow::AUTHORIZATION_DECLINED));
                }
                if expires <= self.shared.now() {
                    return Err(Failure::new(70019));
                }
                if subject.is_none() {
                    return Err(Failure::new(70016));
                }
            }
            _ => return Err(Failure::new(70018)),
        }
        self.redeem(client_id, code, |_| Ok(None))
    }

    /// Takes a code out of the store and issues what it stands for: both or nothing.
    fn redeem(
        &self,
        client_id: &str,
        code: &str,
        check: impl FnOnce(&Grant) -> Result<Option<String>, Failure>,
    ) -> Result<TokenResponse, Failure> {
        self.shared.db.write(|txn| {
            let grant: Grant = txn
                .remove(GLOBAL, &Grant::hash(code))
                .ok_or_else(|| Failure::new(54005))?;
            let nonce = check(&grant)?;
            let (tenant, client, user) = self.holder(txn, &grant, client_id)?;
            let requested = self.requested(&tenant, Some(&grant.scope))?;
            self.issue(txn, &tenant, &client, &requested, &user, nonce.as_deref(), None)
        })
    }

    fn refresh_token(&self) -> Result<TokenResponse, Failure> {
        let client_id = self.form.need("client_id")?;
        let token = self
            .form
            .secret("refresh_token")
            .ok_or_else(|| Failure::missing("refresh_token"))?;
        self.shared.db.write(|txn| {
            let grant = txn
                .cloud()
                .grants
                .get(GLOBAL, &Grant::hash(token.expose_secret()))
                .filter(|grant| matches!(grant.kind, GrantKind::RefreshToken))
                .cloned()
                .ok_or_else(|| Failure::new(70000).with("parameter", "refresh_token"))?;
            let (tenant, client, user) = self.holder(txn, &grant, client_id)?;
            let requested = self.requested(&tenant, Some(&grant.scope))?;
            // The same token is handed out again: a client that never saw the answer can still retry.
            self.issue(
                txn,
                &tenant,
                &client,
                &requested,
                &user,
                None,
                Some(token.clone()),
            )
        })
    }

    /// Tenant, client and user of a grant, as they are now.
    fn holder(
        &self,
        txn: &Txn<'_>,
        grant: &Grant,
        client_id: &str,
    ) -> Result<(Tenant, Client, User), Failure> {
        if grant.expires <= self.shared.now() {
            return Err(Failure::new(70008));
        }
        let missing = || Failure::new(70000).with("parameter", "code");
        let (tenant_id, user_id) = grant.subject.ok_or_else(missing)?;
        let tenant = tenants::tenant(txn.cloud(), self.caller, &tenant_id.to_string())
            .cloned()
            .ok_or_else(|| Failure::new(90002).with("tenant", tenant_id.to_string()))?;
        let client = Client::find(txn.cloud(), &tenant, client_id)?;
        if client.id != grant.client_id {
            return Err(missing());
        }
        let user = txn
            .cloud()
            .users
            .get(tenant_id, &user_id.to_string())
            .filter(|user| user.deleted.is_none())
            .cloned()
            .ok_or_else(|| {
                Failure::new(50034)
                    .with("user", user_id.to_string())
                    .with("tenant", &*tenant.display_name)
            })?;
        if !user.account_enabled {
            return Err(Failure::new(50057));
        }
        Ok((tenant, client, user))
    }

    /// The resource asked for now, or else the one of the earlier request.
    fn requested(&self, tenant: &Tenant, earlier: Option<&str>) -> Result<Requested, Failure> {
        let resource = self.form.text("resource").filter(|_| self.version == Version::V1);
        let scope = self.form.text("scope").unwrap_or_default();
        let environment = tenants::environment(tenant);
        match earlier {
            Some(earlier) if resource.is_none() && (scope.is_empty() || self.version == Version::V1) => {
                Requested::parse(environment, tenant, None, earlier)
            }
            _ => Requested::parse(environment, tenant, resource, scope),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call gathers what three grants found"
    )]
    fn issue(
        &self,
        txn: &mut Txn<'_>,
        tenant: &Tenant,
        client: &Client,
        requested: &Requested,
        user: &User,
        nonce: Option<&str>,
        refresh: Option<SecretString>,
    ) -> Result<TokenResponse, Failure> {
        let now = self.shared.now();
        let proof = client.prove(self.form.secret("client_secret"), now)?;
        Issue {
            shared: self.shared,
            tenant,
            client,
            proof,
            requested,
            version: self.version,
            now,
        }
        .for_user(txn, user, nonce, refresh)
    }
}

/// Signs a user in by password and stores the counters of smart lockout.
pub(super) fn check_password(
    txn: &mut Txn<'_>,
    tenant: &Tenant,
    name: &str,
    password: &SecretString,
    resource: &str,
    now: time::OffsetDateTime,
) -> Result<User, Failure> {
    let user = txn
        .cloud()
        .user_named(tenant.id, &tenants::shortened(name))
        .cloned()
        .ok_or_else(|| {
            Failure::new(50034)
                .with("user", tenants::shortened(name))
                .with("tenant", &*tenant.display_name)
        })?;
    let attempt = super::sign_in::judge(&user, tenant.smart_lockout, resource, password, now);
    if attempt.sign_in != user.sign_in {
        txn.put(User {
            sign_in: attempt.sign_in,
            ..user.clone()
        });
    }
    attempt.outcome.map(|()| user)
}
