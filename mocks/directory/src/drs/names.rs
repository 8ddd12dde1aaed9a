//! Which domain controllers there are, and names in other forms (PR 13.5).

use provlab_protocol::drsuapi::{
    ControllerInfo, ControllerInfoReply, ControllerInfoRequest, CrackNamesReply, CrackNamesRequest,
    CrackedName, DrsError, INFO_LEVEL, NameFormat, NameStatus,
};
use provlab_protocol::ndr::NdrError;

use super::Server;
use crate::bind;
use crate::model::Object;

/// `ERROR_DS_OBJ_NOT_FOUND`: no such domain.
const OBJECT_NOT_FOUND: DrsError = DrsError(0x208D);

pub(super) fn controller_info(server: &Server<'_>, stub: &[u8]) -> Result<Vec<u8>, NdrError> {
    let request = ControllerInfoRequest::from_stub(stub)?;
    let identity = server.directory.identity();
    let domain = request.domain.trim_end_matches('.');
    let ours =
        domain.eq_ignore_ascii_case(&identity.domain) || domain.eq_ignore_ascii_case(&identity.netbios_name);
    let (controllers, result) = match (request.level, ours) {
        (INFO_LEVEL, true) => {
            let hosts = identity.domain_controllers.iter().enumerate();
            let controllers = hosts.map(|(number, host)| controller(server, number, host));
            (controllers.collect(), DrsError::SUCCESS)
        }
        (INFO_LEVEL, false) => (Vec::new(), OBJECT_NOT_FOUND),
        _ => (Vec::new(), DrsError::INVALID_PARAMETER),
    };
    let reply = ControllerInfoReply { controllers, result };
    Ok(reply.to_stub())
}

fn controller(server: &Server<'_>, number: usize, host: &str) -> ControllerInfo {
    let directory = server.directory;
    let identity = directory.identity();
    let netbios_name = host.split('.').next().unwrap_or(host).to_uppercase();
    let server_object = identity.server_dn(host).to_string();
    let ntds_dsa_object = format!("CN=NTDS Settings,{server_object}");
    let computer = directory.by_sam_account_name(&format!("{netbios_name}$"));
    let site_object = server.site_dn();
    ControllerInfo {
        dns_host_name: Some(host.to_owned()),
        site_name: Some(identity.site.clone()),
        computer_object: computer.map(|computer| directory.dn_text(computer)),
        // The first one holds every operations-master role.
        is_pdc: number == 0,
        ds_enabled: true,
        is_gc: true,
        site_guid: server.guid_of(&site_object),
        computer_guid: computer.map(|computer| computer.guid).unwrap_or_default(),
        server_guid: server.guid_of(&server_object),
        ntds_dsa_guid: server.guid_of(&ntds_dsa_object),
        netbios_name: Some(netbios_name),
        site_object: Some(site_object),
        server_object: Some(server_object),
        ntds_dsa_object: Some(ntds_dsa_object),
    }
}

pub(super) fn crack_names(server: &Server<'_>, stub: &[u8]) -> Result<Vec<u8>, NdrError> {
    let request = CrackNamesRequest::from_stub(stub)?;
    let names = request.names.iter().map(|name| {
        let object = match request.offered {
            NameFormat::NT4_ACCOUNT_SANS_DOMAIN => server.directory.by_sam_account_name(name),
            // Which form a name has shows in the name.
            _ => bind::resolve(server.directory, name),
        };
        cracked(server, object, request.desired)
    });
    let reply = CrackNamesReply {
        names: names.collect(),
        result: DrsError::SUCCESS,
    };
    Ok(reply.to_stub())
}

fn cracked(server: &Server<'_>, object: Option<&Object>, desired: NameFormat) -> CrackedName {
    let nothing = |status| CrackedName {
        status,
        domain: None,
        name: None,
    };
    let Some(object) = object else {
        return nothing(NameStatus::NOT_FOUND);
    };
    let directory = server.directory;
    let name = match desired {
        NameFormat::FQDN_1779 => Some(directory.dn_text(object)),
        NameFormat::NT4_ACCOUNT => Some(bind::down_level_name(directory, object)),
        NameFormat::UNIQUE_ID => Some(format!("{{{}}}", object.guid)),
        NameFormat::DISPLAY => directory.text(object, "displayName"),
        NameFormat::USER_PRINCIPAL => directory.text(object, "userPrincipalName"),
        NameFormat::SID_OR_SID_HISTORY => directory.sid(object).map(|sid| sid.to_string()),
        _ => None,
    };
    match name {
        Some(name) => CrackedName {
            status: NameStatus::OK,
            domain: Some(directory.identity().domain.clone()),
            name: Some(name),
        },
        None => nothing(NameStatus::RESOLVING),
    }
}
