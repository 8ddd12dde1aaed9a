//! One set of cases, written once, against the embedded Active Directory and against Samba's.
//!
//! Without a Samba the cases hold the embedded one to what is written in them, and say that the comparison was not
//! run; `PROVLAB_REQUIRE=samba` makes that a failure. `PROVLAB_BLESS=1` rewrites the expectations.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test"
)]

use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

mod cases;
mod client;
mod controls;
mod documents;
mod embedded;
mod fixture;
mod known;
mod mask;
mod observation;
mod operation;
mod play;
mod random;
mod samba;
mod script;
mod server;
mod suite;

fn main() {
    // The stock client's driver panics at answers that it cannot read; such an answer is an observation here.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.to_string().contains("unrecognized op id") {
            usual(info);
        }
    }));
    let arguments = Arguments::from_args();
    let cases = match cases::all() {
        Ok(cases) => cases,
        Err(error) => panic!("{error}"),
    };
    let suite = Arc::new(suite::Suite::new(cases, arguments.list));
    let mut trials: Vec<Trial> = (0..suite.cases.len())
        .map(|number| {
            let suite = Arc::clone(&suite);
            let name = suite.cases[number].name.clone();
            Trial::test(name, move || suite.run(number).map_err(Into::into))
        })
        .collect();
    trials.extend(documents::trials(&suite.cases));
    trials.extend(random::trials(&suite));
    let conclusion = libtest_mimic::run(&arguments, trials);
    suite.finish();
    conclusion.exit();
}
