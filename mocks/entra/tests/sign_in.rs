//! Sign-in over the wire: metadata, every grant, every documented refusal.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use provlab_entra::Command;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use world::*;

#[test]
fn metadata_names_the_environment_and_the_keys_verify_its_tokens() {
    simulate(|world| async move {
        let document = world
            .get(
                LOGIN,
                &format!("/{TENANT}/v2.0/.well-known/openid-configuration"),
                None,
            )
            .await
            .json();
        assert_eq!(document["issuer"], format!("https://{LOGIN}/{TENANT}/v2.0"));
        assert_eq!(document["msgraph_host"], GRAPH);
        assert_eq!(document["tenant_region_sub_scope"], json!(null));
        let common = world
            .get(LOGIN, "/common/v2.0/.well-known/openid-configuration", None)
            .await
            .json();
        assert_eq!(common["issuer"], format!("https://{LOGIN}/{{tenantid}}/v2.0"));
        assert_eq!(
            common["token_endpoint"],
            format!("https://{LOGIN}/common/oauth2/v2.0/token")
        );
        let government = world
            .get(
                GOV_LOGIN,
                "/fabrikam.onmicrosoft.us/.well-known/openid-configuration",
                None,
            )
            .await;
        let government = government.json();
        assert_eq!(
            government["issuer"],
            format!("https://sts.windows.net/{GOV_TENANT}/")
        );
        assert_eq!(government["cloud_instance_name"], "microsoftonline.us");
        assert_eq!(government["tenant_region_sub_scope"], "DODCON");

        let keys = world.get(LOGIN, "/common/discovery/v2.0/keys", None).await.json();
        let key = &keys["keys"][0];
        let decoding = jsonwebtoken::DecodingKey::from_rsa_components(
            key["n"].as_str().unwrap(),
            key["e"].as_str().unwrap(),
        );
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
        validation.validate_exp = false;
        validation.set_audience(&["https://graph.microsoft.com"]);
        let token = world.token().await;
        jsonwebtoken::decode::<serde_json::Value>(&token, &decoding.unwrap(), &validation).unwrap();
        assert_eq!(
            jsonwebtoken::decode_header(&token).unwrap().kid.as_deref(),
            key["kid"].as_str()
        );
    });
}

#[test]
fn discovery_knows_its_hosts_and_realms() {
    simulate(|world| async move {
        let path = |host: &str| {
            format!(
                "/common/discovery/instance?api-version=1.1&authorization_endpoint={}",
                escape(&format!("https://{host}/common/oauth2/v2.0/authorize"))
            )
        };
        let known = world.get(LOGIN, &path(LOGIN), None).await.json();
        assert_eq!(
            known["metadata"][0]["aliases"],
            json!(["login.microsoftonline.com", "login.windows.net"])
        );
        assert_eq!(known["metadata"].as_array().unwrap().len(), 2);
        assert_eq!(
            world.get(LOGIN, &path("login.example.com"), None).await.json()["error"],
            "invalid_instance"
        );
        let realm = world
            .get(LOGIN, "/common/userrealm/a@contoso.com?api-version=1.0", None)
            .await
            .json();
        assert_eq!(realm["account_type"], "Managed");
        let realm = world
            .get(
                LOGIN,
                "/common/userrealm/a@fabrikam.onmicrosoft.us?api-version=1.0",
                None,
            )
            .await
            .json();
        assert_eq!(realm["account_type"], "Unknown");
    });
}

#[test]
fn a_password_gives_tokens_with_the_roles_of_the_user() {
    simulate(|world| async move {
        let answer = world.ropc(ADMIN, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let tokens = answer.json();
        assert_eq!(tokens["token_type"], "Bearer");
        assert_eq!(tokens["expires_in"], 3599);
        let access = claims(tokens["access_token"].as_str().unwrap());
        assert_eq!(access["aud"], "https://graph.microsoft.com");
        assert_eq!(access["iss"], format!("https://sts.windows.net/{TENANT}/"));
        assert_eq!(access["appid"], CLIENT);
        assert_eq!(access["amr"], json!(["pwd"]));
        assert_eq!(access["upn"], ADMIN);
        assert_eq!(access["ver"], "1.0");
        assert!(
            access["wids"]
                .as_array()
                .unwrap()
                .contains(&json!("8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2"))
        );
        let id = claims(tokens["id_token"].as_str().unwrap());
        assert_eq!(
            (&id["aud"], &id["iss"]),
            (&json!(CLIENT), &json!(format!("https://{LOGIN}/{TENANT}/v2.0")))
        );

        let v1 = world
            .form(
                LOGIN,
                "/common/oauth2/token",
                &[
                    ("grant_type", "password"),
                    ("client_id", CLIENT),
                    ("username", ADMIN),
                    ("password", PASSWORD),
                    ("resource", REGISTRATION),
                ],
            )
            .await
            .json();
        assert_eq!(
            (&v1["expires_in"], &v1["resource"]),
            (&json!("3599"), &json!(REGISTRATION))
        );
        assert_eq!(claims(v1["access_token"].as_str().unwrap())["aud"], REGISTRATION);
        let v2 = world
            .form(
                LOGIN,
                "/contoso.com/oauth2/v2.0/token",
                &[
                    ("grant_type", "password"),
                    ("client_id", CLIENT),
                    ("username", ADMIN),
                    ("password", PASSWORD),
                    ("scope", &format!("{REGISTRATION}/.default")),
                ],
            )
            .await
            .json();
        assert_eq!(claims(v2["access_token"].as_str().unwrap())["aud"], REGISTRATION);
        assert_eq!(v2["refresh_token"], json!(null), "only with offline_access");
    });
}

#[test]
fn each_documented_refusal_has_its_number() {
    simulate(|world| async move {
        for (account, password, number) in [
            ("plain@contoso.onmicrosoft.com", "wrong", 50126),
            ("nobody@contoso.onmicrosoft.com", PASSWORD, 50034),
            ("expired@contoso.onmicrosoft.com", PASSWORD, 50055),
            ("synced@contoso.onmicrosoft.com", PASSWORD, 50056),
            ("disabled@contoso.onmicrosoft.com", PASSWORD, 50057),
            ("mfa@contoso.onmicrosoft.com", PASSWORD, 50076),
            ("blocked@contoso.onmicrosoft.com", PASSWORD, 53003),
            ("a@unknown.example", PASSWORD, 90002),
            (GOV_ADMIN, PASSWORD, 90002),
        ] {
            let answer = world.ropc(account, password).await;
            assert_eq!((answer.status, answer.aadsts()), (400, number), "{account}");
            assert!(
                answer.json()["error_description"]
                    .as_str()
                    .unwrap()
                    .starts_with(&format!("AADSTS{number}: "))
            );
        }
        let text = world.ropc(GOV_ADMIN, PASSWORD).await;
        assert!(
            text.json()["error_description"]
                .as_str()
                .unwrap()
                .contains("Tenant 'fabrikam.onmicrosoft.us' not found")
        );

        let token =
            async |fields: &[(&str, &str)]| world.form(LOGIN, "/contoso.com/oauth2/v2.0/token", fields).await;
        let user = [
            ("grant_type", "password"),
            ("username", ADMIN),
            ("password", PASSWORD),
        ];
        let with = |more: &[(&'static str, &'static str)]| -> Vec<(&'static str, &'static str)> {
            user.iter().chain(more).copied().collect()
        };
        assert_eq!(token(&with(&[])).await.aadsts(), 900_144);
        let unknown = token(&with(&[("client_id", "11111111-1111-1111-1111-111111111111")])).await;
        assert_eq!(
            (unknown.aadsts(), unknown.json()["error"].clone()),
            (700_016, json!("unauthorized_client"))
        );
        let foreign = token(&with(&[
            ("client_id", CLIENT),
            ("scope", "https://vault.example/.default"),
        ]))
        .await;
        assert_eq!(
            (foreign.aadsts(), foreign.json()["error"].clone()),
            (500_011, json!("invalid_resource"))
        );
        let consent = token(&with(&[("client_id", CLIENT), ("scope", "Mail.Send")])).await;
        assert_eq!(consent.aadsts(), 65001);
        assert_eq!(
            token(&[("grant_type", "magic"), ("client_id", CLIENT)])
                .await
                .aadsts(),
            70003
        );
    });
}

#[test]
fn clients_prove_themselves_by_secret() {
    simulate(|world| async move {
        let path = format!("/{TENANT}/oauth2/v2.0/token");
        let ask = async |client: &str, secret: &str| {
            world
                .form(
                    LOGIN,
                    &path,
                    &[
                        ("grant_type", "client_credentials"),
                        ("client_id", client),
                        ("client_secret", secret),
                        ("scope", "https://graph.microsoft.com/.default"),
                    ],
                )
                .await
        };
        let token = ask(APP, APP_SECRET).await;
        let access = claims(token.json()["access_token"].as_str().unwrap());
        assert_eq!(access["roles"], json!(["User.Read.All", "Group.Read.All"]));
        assert_eq!(
            (&access["idtyp"], &access["appidacr"]),
            (&json!("app"), &json!("1"))
        );
        assert_eq!(
            (ask(APP, "wrong").await.status, ask(APP, "wrong").await.aadsts()),
            (401, 7_000_215)
        );
        assert_eq!(
            ask("cccccccc-0000-0000-0000-000000000004", "old").await.aadsts(),
            7_000_222
        );
        assert_eq!(ask(APP, "").await.aadsts(), 7_000_218);
        let common = world
            .form(
                LOGIN,
                "/common/oauth2/v2.0/token",
                &[
                    ("grant_type", "client_credentials"),
                    ("client_id", APP),
                    ("client_secret", APP_SECRET),
                ],
            )
            .await;
        assert_eq!(common.aadsts(), 50059);
    });
}

#[test]
fn smart_lockout_locks_and_ends_and_survives_a_restart() {
    simulate(|mut world| async move {
        let account = "plain@contoso.onmicrosoft.com";
        for _ in 0..10 {
            assert_eq!(world.ropc(account, "wrong").await.aadsts(), 50126);
        }
        assert_eq!(world.ropc(account, PASSWORD).await.aadsts(), 50053);
        world.restart().await;
        assert_eq!(world.ropc(account, PASSWORD).await.aadsts(), 50053);
        world.sleep(60).await;
        assert_eq!(world.ropc(account, PASSWORD).await.status, 200);
    });
}

#[test]
fn the_device_flow_waits_for_the_person() {
    simulate(|world| async move {
        let begun = world
            .form(
                LOGIN,
                "/organizations/oauth2/v2.0/devicecode",
                &[("client_id", CLIENT), ("scope", "User.Read offline_access")],
            )
            .await
            .json();
        assert_eq!(begun["user_code"].as_str().unwrap().len(), 9);
        assert_eq!(
            (&begun["expires_in"], &begun["interval"]),
            (&json!(900), &json!(5))
        );
        let code = begun["device_code"].as_str().unwrap().to_owned();
        let poll = async |code: &str| {
            world
                .form(
                    LOGIN,
                    "/organizations/oauth2/v2.0/token",
                    &[
                        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                        ("client_id", CLIENT),
                        ("device_code", code),
                    ],
                )
                .await
        };
        assert_eq!(poll(&code).await.json()["error"], "authorization_pending");
        assert_eq!(poll("other").await.json()["error"], "bad_verification_code");
        let page = async |login: &str, password: &str| {
            let user_code = begun["user_code"].as_str().unwrap();
            world
                .form(
                    LOGIN,
                    "/common/oauth2/deviceauth",
                    &[("otc", user_code), ("login", login), ("passwd", password)],
                )
                .await
        };
        assert!(page(ADMIN, "wrong").await.body.contains("AADSTS50126"));
        assert!(page(ADMIN, PASSWORD).await.body.contains("You have signed in"));
        let tokens = poll(&code).await.json();
        assert_eq!(
            claims(tokens["access_token"].as_str().unwrap())["scp"],
            "User.Read"
        );
        assert_eq!(
            poll(&code).await.json()["error"],
            "bad_verification_code",
            "a code works once"
        );

        let refreshed = world
            .form(
                LOGIN,
                "/organizations/oauth2/v2.0/token",
                &[
                    ("grant_type", "refresh_token"),
                    ("client_id", CLIENT),
                    ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
                    ("scope", &format!("{REGISTRATION}/.default")),
                ],
            )
            .await
            .json();
        assert_eq!(
            claims(refreshed["access_token"].as_str().unwrap())["aud"],
            REGISTRATION
        );

        let late = world
            .form(
                LOGIN,
                "/common/oauth2/devicecode",
                &[("client_id", CLIENT), ("resource", REGISTRATION)],
            )
            .await
            .json();
        assert_eq!(late["expires_in"], "900");
        world.sleep(901).await;
        assert_eq!(
            poll(late["device_code"].as_str().unwrap()).await.json()["error"],
            "expired_token"
        );
    });
}

#[test]
fn a_code_goes_to_the_client_and_only_its_verifier_redeems_it() {
    simulate(|world| async move {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(b"verifier"));
        let query = |uri: &str| {
            format!(
                "/organizations/oauth2/v2.0/authorize?client_id={CLIENT}&response_type=code&redirect_uri={}&scope=openid%20User.Read\
                 &state=s%26t&nonce=n1&code_challenge={challenge}&code_challenge_method=S256&login_hint={}",
                escape(uri),
                escape("<admin>")
            )
        };
        let page = world.get(LOGIN, &query("http://localhost:8400"), None).await;
        assert!(page.body.contains("&lt;admin&gt;"), "{}", page.body);
        let sign_in = async |uri: &str| {
            world
                .form(LOGIN, &query(uri), &[("login", ADMIN), ("passwd", PASSWORD)])
                .await
        };
        assert!(
            sign_in("https://evil.example/")
                .await
                .body
                .contains("AADSTS50011")
        );
        let redirect = sign_in("http://localhost:8400").await;
        let location = redirect.headers["location"].to_str().unwrap().to_owned();
        let (start, state) = location.split_once("&state=").unwrap();
        assert_eq!((redirect.status, state), (302, "s%26t"));
        let code = start
            .strip_prefix("http://localhost:8400?code=")
            .unwrap()
            .to_owned();
        let redeem = async |verifier: &str| {
            world
                .form(
                    LOGIN,
                    "/organizations/oauth2/v2.0/token",
                    &[
                        ("grant_type", "authorization_code"),
                        ("client_id", CLIENT),
                        ("code", &code),
                        ("redirect_uri", "http://localhost:8400"),
                        ("code_verifier", verifier),
                    ],
                )
                .await
        };
        assert_eq!(redeem("wrong").await.aadsts(), 501_481);
        let tokens = redeem("verifier").await.json();
        assert_eq!(claims(tokens["id_token"].as_str().unwrap())["nonce"], "n1");
        assert_eq!(redeem("verifier").await.aadsts(), 54005);
    });
}

#[test]
fn control_changes_accounts_and_answers_for_unknown_ones() {
    simulate(|world| async move {
        let control = async |command: serde_json::Value| {
            world
                .entra()
                .control(serde_json::from_value::<Command>(command).unwrap())
                .await
        };
        control(json!({"expire-account-password": {"account": ADMIN}}))
            .await
            .unwrap();
        assert_eq!(world.ropc(ADMIN, PASSWORD).await.aadsts(), 50055);
        control(json!({"set-account-password": {"account": ADMIN, "password": "New one 2"}}))
            .await
            .unwrap();
        assert_eq!(world.ropc(ADMIN, "New one 2").await.status, 200);
        control(json!({"disable-account": {"account": ADMIN}}))
            .await
            .unwrap();
        assert_eq!(world.ropc(ADMIN, "New one 2").await.aadsts(), 50057);
        let error = control(json!({"disable-account": {"account": "x@y.z"}}))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("x@y.z"));
    });
}
