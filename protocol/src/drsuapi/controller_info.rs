//! `IDL_DRSDomainControllerInfo`: which domain controllers a domain has (PR 13.5). A reader needs the object of the one it asks.

use super::{ContextHandle, DrsError, MAX_NAME_CHARS, version, write_version};
use crate::guid::Guid;
use crate::ndr::{NdrError, NdrReader, NdrWriter};

/// The level of information that is spoken.
pub const INFO_LEVEL: u32 = 2;
/// Most domain controllers in a reply; a domain should not have more than 1,200.
pub const MAX_CONTROLLERS: usize = 4_096;

const WHAT: &str = "the domain controllers";

/// In.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerInfoRequest {
    /// From `IDL_DRSBind`.
    pub handle: ContextHandle,
    /// DNS or NetBIOS name of the domain.
    pub domain: String,
    /// [`INFO_LEVEL`]; there are others.
    pub level: u32,
}

impl ControllerInfoRequest {
    /// The stub.
    #[must_use]
    pub fn to_stub(&self) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        self.handle.write(&mut writer);
        write_version(&mut writer, 1);
        writer.pointer(true);
        writer.u32(self.level);
        writer.wide_string(&self.domain);
        writer.into_bytes()
    }

    /// Reads the stub.
    ///
    /// # Errors
    /// Malformed, or over a bound.
    pub fn from_stub(stub: &[u8]) -> Result<Self, NdrError> {
        const REQUEST: &str = "the request for domain controllers";
        let mut reader = NdrReader::new(stub);
        let handle = ContextHandle::read(&mut reader)?;
        let found = version(&mut reader, REQUEST)?;
        if found != 1 {
            return Err(NdrError::Version { what: REQUEST, found });
        }
        reader.required_pointer("the domain")?;
        let level = reader.u32(REQUEST)?;
        let domain = reader.wide_string("the domain", MAX_NAME_CHARS)?;
        Ok(Self {
            handle,
            domain,
            level,
        })
    }
}

/// One domain controller (DS_DOMAIN_CONTROLLER_INFO_2W).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControllerInfo {
    /// NetBIOS name of the computer.
    pub netbios_name: Option<String>,
    /// DNS name of the computer.
    pub dns_host_name: Option<String>,
    /// Name of its site.
    pub site_name: Option<String>,
    /// DN of the site.
    pub site_object: Option<String>,
    /// DN of the computer account.
    pub computer_object: Option<String>,
    /// DN of the server object.
    pub server_object: Option<String>,
    /// DN of the nTDSDSA object.
    pub ntds_dsa_object: Option<String>,
    /// Whether it is the primary domain controller emulator.
    pub is_pdc: bool,
    /// Whether its directory service is on.
    pub ds_enabled: bool,
    /// Whether it is a global catalog.
    pub is_gc: bool,
    /// objectGUID of the site.
    pub site_guid: Guid,
    /// objectGUID of the computer account.
    pub computer_guid: Guid,
    /// objectGUID of the server object.
    pub server_guid: Guid,
    /// objectGUID of the nTDSDSA object: what replication knows it by.
    pub ntds_dsa_guid: Guid,
}

impl ControllerInfo {
    fn names(&self) -> [&Option<String>; 7] {
        [
            &self.netbios_name,
            &self.dns_host_name,
            &self.site_name,
            &self.site_object,
            &self.computer_object,
            &self.server_object,
            &self.ntds_dsa_object,
        ]
    }
}

/// Out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerInfoReply {
    /// The domain controllers; empty after an error.
    pub controllers: Vec<ControllerInfo>,
    /// How it went.
    pub result: DrsError,
}

impl ControllerInfoReply {
    /// The stub.
    #[must_use]
    pub fn to_stub(&self) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        write_version(&mut writer, INFO_LEVEL);
        writer.count(self.controllers.len());
        writer.pointer(!self.controllers.is_empty());
        if !self.controllers.is_empty() {
            writer.count(self.controllers.len());
        }
        for controller in &self.controllers {
            for name in controller.names() {
                writer.pointer(name.is_some());
            }
            for flag in [controller.is_pdc, controller.ds_enabled, controller.is_gc] {
                writer.u32(flag.into());
            }
            for guid in [
                controller.site_guid,
                controller.computer_guid,
                controller.server_guid,
                controller.ntds_dsa_guid,
            ] {
                writer.guid(guid);
            }
        }
        for name in self.controllers.iter().flat_map(ControllerInfo::names).flatten() {
            writer.wide_string(name);
        }
        writer.u32(self.result.0);
        writer.into_bytes()
    }

    /// Reads the stub.
    ///
    /// # Errors
    /// Malformed, or over a bound.
    pub fn from_stub(stub: &[u8]) -> Result<Self, NdrError> {
        let mut reader = NdrReader::new(stub);
        let found = version(&mut reader, WHAT)?;
        if found != INFO_LEVEL {
            return Err(NdrError::Version { what: WHAT, found });
        }
        let count = reader.count(WHAT, MAX_CONTROLLERS)?;
        let mut controllers = Vec::new();
        if reader.pointer(WHAT)? {
            reader.conformance(count, WHAT)?;
            let mut fixed = Vec::new();
            for _ in 0..count {
                fixed.push(read_fixed(&mut reader)?);
            }
            for (controller, named) in fixed {
                controllers.push(read_names(&mut reader, controller, named)?);
            }
        }
        let result = DrsError(reader.u32("the result")?);
        Ok(Self { controllers, result })
    }
}

fn read_fixed(reader: &mut NdrReader<'_>) -> Result<(ControllerInfo, [bool; 7]), NdrError> {
    let mut named = [false; 7];
    for name in &mut named {
        *name = reader.pointer(WHAT)?;
    }
    let mut flag = || reader.u32(WHAT).map(|flag| flag != 0);
    let (is_pdc, ds_enabled, is_gc) = (flag()?, flag()?, flag()?);
    let controller = ControllerInfo {
        is_pdc,
        ds_enabled,
        is_gc,
        site_guid: reader.guid(WHAT)?,
        computer_guid: reader.guid(WHAT)?,
        server_guid: reader.guid(WHAT)?,
        ntds_dsa_guid: reader.guid(WHAT)?,
        ..ControllerInfo::default()
    };
    Ok((controller, named))
}

fn read_names(
    reader: &mut NdrReader<'_>,
    mut controller: ControllerInfo,
    named: [bool; 7],
) -> Result<ControllerInfo, NdrError> {
    let places = [
        &mut controller.netbios_name,
        &mut controller.dns_host_name,
        &mut controller.site_name,
        &mut controller.site_object,
        &mut controller.computer_object,
        &mut controller.server_object,
        &mut controller.ntds_dsa_object,
    ];
    for (place, present) in places.into_iter().zip(named) {
        if present {
            *place = Some(reader.wide_string(WHAT, MAX_NAME_CHARS)?);
        }
    }
    Ok(controller)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// PR 13.5.
    const REQUEST: &str = "000000000403020106050807090a0b0c0d0e0f10010000000100000000000200020000000c000000000000000c000000\
        6c00610062002e006500780061006d0070006c0065000000";

    #[test]
    fn reference_vector() {
        let request = ControllerInfoRequest {
            handle: ContextHandle::new("01020304-0506-0708-090a-0b0c0d0e0f10".parse().unwrap()),
            domain: "lab.example".to_owned(),
            level: INFO_LEVEL,
        };
        assert_eq!(hex::encode(request.to_stub()), REQUEST);
        let stub = hex::decode(REQUEST).unwrap();
        assert_eq!(ControllerInfoRequest::from_stub(&stub), Ok(request));
        for length in 0..stub.len() {
            assert!(
                ControllerInfoRequest::from_stub(&stub[..length]).is_err(),
                "{length}"
            );
        }
    }

    #[test]
    fn replies_round_trip_and_damage_is_refused() {
        let some = ControllerInfo {
            netbios_name: Some("DC1".to_owned()),
            dns_host_name: Some("dc1.contoso.com".to_owned()),
            ntds_dsa_guid: Guid::from_u128(7),
            is_pdc: true,
            ..ControllerInfo::default()
        };
        let good = ControllerInfoReply {
            controllers: vec![some, ControllerInfo::default()],
            result: DrsError::SUCCESS,
        };
        let stub = good.to_stub();
        assert_eq!(ControllerInfoReply::from_stub(&stub), Ok(good));
        for length in 0..stub.len() {
            assert!(
                ControllerInfoReply::from_stub(&stub[..length]).is_err(),
                "{length}"
            );
        }
        let failed = ControllerInfoReply {
            controllers: Vec::new(),
            result: DrsError::INVALID_PARAMETER,
        };
        assert_eq!(ControllerInfoReply::from_stub(&failed.to_stub()), Ok(failed));
    }

    #[test]
    fn counts_at_the_limit() {
        let reply = |count: usize| ControllerInfoReply {
            controllers: vec![ControllerInfo::default(); count],
            result: DrsError::SUCCESS,
        };
        assert!(ControllerInfoReply::from_stub(&reply(MAX_CONTROLLERS).to_stub()).is_ok());
        assert!(matches!(
            ControllerInfoReply::from_stub(&reply(MAX_CONTROLLERS + 1).to_stub()),
            Err(NdrError::TooMany { .. })
        ));
    }
}
