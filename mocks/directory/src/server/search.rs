//! Searches: from the wire to the directory core and back.

use provlab_platform::trace::field;
use provlab_protocol::dirsync::DirSyncResponse;
use provlab_protocol::dn::Dn;
use provlab_protocol::ldap::answer;
use provlab_protocol::ldap_controls::{Control, PagedResults};
use provlab_protocol::oid::control as oid;

use super::controls::Controls;
use super::encode::Outcome;
use super::message::Operation;
use super::session::{Effect, Moment, Service, Session, fields, root_dse};
use crate::model::{DirSyncQuery, LdapError, PageQuery, ResultCode, Scope, SearchOutcome, SearchRequest};

/// Whether an operation reads nothing but the rootDSE.
pub(super) fn is_root_dse(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Search { base, scope: Scope::Base, .. } if base.is_empty()
    )
}

pub(super) fn serve(
    session: &mut Session,
    moment: &mut Moment<'_>,
    id: i32,
    operation: Operation,
    controls: Controls,
) -> Result<Vec<Effect>, LdapError> {
    let root = is_root_dse(&operation);
    let Operation::Search {
        base,
        scope,
        size_limit,
        types_only,
        filter,
        attributes,
    } = operation
    else {
        return Err(LdapError::unwilling(0x2035));
    };
    if root {
        let bytes = root_dse(session, moment, id, &attributes, types_only);
        return Ok(vec![Effect::Send(bytes)]);
    }
    let everywhere = session.service == Service::GlobalCatalog || controls.phantom_root;
    let report = fields([
        ("client", field(&session.client)),
        ("as", field(&session.name)),
        ("base", field(&base)),
        ("scope", field(format!("{scope:?}").to_lowercase())),
        ("filter", field(filter.to_string())),
    ]);
    let request = SearchRequest {
        base: base_of(moment, &base, everywhere)?,
        scope,
        filter,
        attributes,
        types_only,
        size_limit,
        page: None,
        show_deleted: controls.show_deleted,
        sd_flags: controls.sd_flags.map(|flags| flags.bits()),
        extended_dn: controls.extended_dn,
        domain_scope: controls.domain_scope,
        all_naming_contexts: everywhere,
        dir_sync: controls.dir_sync.map(|query| DirSyncQuery {
            flags: query.flags,
            max_bytes: query.max_bytes,
            cookie: query.cookie,
        }),
    };
    let (result, request) = run(session, moment, request, controls.paged.as_ref());
    let (code, entries) = match &result {
        Ok(found) => {
            let cut = found.cut_short.as_ref();
            (cut.map_or(0, |error| error.code as u8), found.entries.len())
        }
        Err(error) => (error.code as u8, 0),
    };
    let mut report = report;
    report.insert("entries".to_owned(), field(entries));
    report.insert("code".to_owned(), field(code));
    let report = Effect::Report {
        name: "ldap.search",
        fields: report,
    };
    let bytes = match result {
        Ok(found) => encode(session, id, found, request, controls.paged.is_some()),
        Err(error) => session.answer(id, answer::SEARCH_DONE, &Outcome::from(&error)),
    };
    Ok(vec![report, Effect::Send(bytes)])
}

/// The base of a search. The empty name is the head of everything where everything is searched.
fn base_of(moment: &Moment<'_>, base: &str, everywhere: bool) -> Result<Dn, LdapError> {
    match base {
        "" if everywhere => Ok(Dn::ROOT),
        "" => Err(LdapError::no_such_object(String::new())),
        name => moment.directory.read_name(name),
    }
}

fn run(
    session: &mut Session,
    moment: &Moment<'_>,
    request: SearchRequest,
    paged: Option<&PagedResults>,
) -> (Result<SearchOutcome, LdapError>, SearchRequest) {
    let context = session.context(moment);
    let Some(page) = paged else {
        return (moment.directory.search(&context, &request), request);
    };
    let after = if page.cookie.is_empty() {
        None
    } else {
        match session.pages.take(&page.cookie, &request) {
            Some(_) if page.size == 0 => return (Ok(SearchOutcome::default()), request),
            Some(cursor) => Some(cursor),
            None => return (Err(bad_cookie()), request),
        }
    };
    let one_page = SearchRequest {
        page: Some(PageQuery {
            size: page.size,
            after,
        }),
        ..request.clone()
    };
    (moment.directory.search(&context, &one_page), request)
}

fn encode(
    session: &mut Session,
    id: i32,
    found: SearchOutcome,
    request: SearchRequest,
    paged: bool,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in &found.entries {
        session.encoder.entry(&mut bytes, id, entry);
    }
    for url in &found.references {
        session
            .encoder
            .reference(&mut bytes, id, std::slice::from_ref(url));
    }
    let mut controls = Vec::new();
    if let Some(answer) = found.dir_sync {
        let response = DirSyncResponse {
            more_results: answer.more_results,
            cookie: answer.cookie,
        };
        controls.push(Control::new(oid::DIRSYNC, false).with_value(response.to_value()));
    }
    if paged {
        let cookie = found
            .next
            .map(|cursor| session.pages.put(request, cursor))
            .unwrap_or_default();
        let page = PagedResults { size: 0, cookie };
        controls.push(Control::new(oid::PAGED_RESULTS, false).with_value(page.to_value()));
    }
    let outcome = found.cut_short.as_ref().map(Outcome::from).unwrap_or_default();
    session
        .encoder
        .outcome(&mut bytes, id, answer::SEARCH_DONE, &outcome, &controls);
    bytes
}

/// AD's answer to a cookie of another connection or of another search.
fn bad_cookie() -> LdapError {
    LdapError::new(
        ResultCode::UnavailableCriticalExtension,
        "00000057: LdapErr: DSID-0C09081D, comment: Error processing control, data 0, v1db1",
    )
}
