//! Client certificates on a server: the handshake proves that the client has the key, and no more.
//!
//! The certificates that the hybrid identity service issues carry a subjectUniqueID (PR 4.4), which webpki refuses to
//! parse. So the public key is taken out by `x509-cert` and the handshake signature checked against it directly;
//! issuer, validity and revocation are the application's to judge.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved, SignatureScheme,
};
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::net::tls::spki_of;

#[derive(Debug)]
pub(super) struct PossessionOnly {
    provider: Arc<CryptoProvider>,
}

impl PossessionOnly {
    pub(super) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider }
    }
}

const UNREADABLE: Error = Error::InvalidCertificate(CertificateError::BadEncoding);

impl ClientCertVerifier for PossessionOnly {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        spki_of(end_entity).map_err(|_| UNREADABLE)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // A scheme of TLS 1.2 fixes no curve, so it stands for several algorithms: the key tells which one is meant.
        let schemes = self.provider.signature_verification_algorithms.mapping;
        let Some((_, algorithms)) = schemes.iter().find(|(scheme, _)| *scheme == dss.scheme) else {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        };
        let spki = spki_of(cert).map_err(|_| UNREADABLE)?;
        let spki = SubjectPublicKeyInfoOwned::from_der(&spki).map_err(|_| UNREADABLE)?;
        let identifier = spki.algorithm.to_der().map_err(|_| UNREADABLE)?;
        let key = spki.subject_public_key.as_bytes().ok_or(UNREADABLE)?;
        let verified = algorithms.iter().any(|algorithm| {
            // rustls names algorithms by the content of their SEQUENCE.
            identifier.ends_with(algorithm.public_key_alg_id().as_ref())
                && algorithm.verify_signature(key, message, dss.signature()).is_ok()
        });
        match verified {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(Error::InvalidCertificate(CertificateError::BadSignature)),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = spki_of(cert).map_err(|_| UNREADABLE)?;
        verify_tls13_signature_with_raw_key(
            message,
            &SubjectPublicKeyInfoDer::from(spki.as_slice()),
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
