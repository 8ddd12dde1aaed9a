//! Keys of Kerberos: AES with HMAC-SHA1 (RFC 3962), which is what Active Directory gives a gMSA.

use picky_krb::crypto::{ChecksumSuite, Cipher, CipherSuite};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::error::KerberosError;

/// Encryption types that are asked for, the strongest first; RC4 and DES are not spoken.
pub(super) const ENCRYPTION_TYPES: [i64; 2] = [AES256, AES128];
/// `aes256-cts-hmac-sha1-96`.
pub(super) const AES256: i64 = 18;
/// `aes128-cts-hmac-sha1-96`.
const AES128: i64 = 17;

/// Where a key is used; every use derives a key of its own (RFC 4120 section 7.5.1, RFC 4121 section 2).
#[derive(Debug, Clone, Copy)]
pub(super) enum Usage {
    /// Timestamp of the pre-authentication, with the client's key.
    PreAuthTimestamp = 1,
    /// Secret part of an AS reply, with the client's key.
    AsReply = 3,
    /// Checksum over the body of a TGS request, with the TGT's session key.
    TgsChecksum = 6,
    /// Authenticator of a TGS request.
    TgsAuthenticator = 7,
    /// Secret part of a TGS reply, with the TGT's session key.
    TgsReply = 8,
    /// Authenticator of an application request.
    ApAuthenticator = 11,
    /// Secret part of an application's reply.
    ApReply = 12,
    /// Messages sealed by the acceptor.
    AcceptorSeal = 22,
    /// Checksums made by the acceptor.
    AcceptorSign = 23,
    /// Messages sealed by the initiator.
    InitiatorSeal = 24,
}

/// One key of one encryption type. Wiped on drop and never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key {
    #[zeroize(skip)]
    kind: i64,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({}, [REDACTED])", self.kind)
    }
}

impl Key {
    /// A key as it stands in a ticket or was drawn.
    ///
    /// # Errors
    /// [`KerberosError::EncryptionType`] for a type that is not spoken or a wrong length.
    pub(super) fn new(kind: i64, bytes: &[u8]) -> Result<Self, KerberosError> {
        let cipher = cipher(kind)?;
        if bytes.len() != cipher.key_size() {
            return Err(KerberosError::EncryptionType(kind));
        }
        Ok(Self {
            kind,
            bytes: bytes.to_vec(),
        })
    }

    /// String-to-key with the default of 4096 iterations (RFC 3962 section 4).
    ///
    /// # Errors
    /// [`KerberosError::EncryptionType`] for a type that is not spoken.
    pub(super) fn from_password(kind: i64, password: &[u8], salt: &[u8]) -> Result<Self, KerberosError> {
        let bytes = cipher(kind)?
            .generate_key_from_password(password, salt)
            .map_err(|_| KerberosError::EncryptionType(kind))?;
        Ok(Self { kind, bytes })
    }

    /// Number of the encryption type.
    pub(super) fn kind(&self) -> i64 {
        self.kind
    }

    /// Length of the key in bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes, for the subkey of an authenticator.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Encrypts with a random confounder and a checksum. The confounder is the library's own, from the system.
    pub(super) fn encrypt(&self, usage: Usage, clear: &[u8]) -> Result<Vec<u8>, KerberosError> {
        cipher(self.kind)?
            .encrypt(&self.bytes, usage as i32, clear)
            .map_err(|_| KerberosError::EncryptionType(self.kind))
    }

    /// Decrypts and checks the checksum.
    ///
    /// # Errors
    /// [`KerberosError::Integrity`] for anything that this key did not encrypt.
    pub(super) fn decrypt(&self, usage: Usage, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KerberosError> {
        cipher(self.kind)?
            .decrypt(&self.bytes, usage as i32, sealed)
            .map(Zeroizing::new)
            .map_err(|_| KerberosError::Integrity)
    }

    /// Type and value of a checksum.
    pub(super) fn checksum(&self, usage: Usage, over: &[u8]) -> Result<(i64, Vec<u8>), KerberosError> {
        let (kind, suite) = match self.kind {
            AES256 => (16, ChecksumSuite::HmacSha196Aes256),
            _ => (15, ChecksumSuite::HmacSha196Aes128),
        };
        let value = suite
            .hasher()
            .checksum(&self.bytes, usage as i32, over)
            .map_err(|_| KerberosError::EncryptionType(self.kind))?;
        Ok((kind, value))
    }
}

fn cipher(kind: i64) -> Result<Box<dyn Cipher>, KerberosError> {
    match kind {
        AES256 => Ok(CipherSuite::Aes256CtsHmacSha196.cipher()),
        AES128 => Ok(CipherSuite::Aes128CtsHmacSha196.cipher()),
        other => Err(KerberosError::EncryptionType(other)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use provlab_protocol::managed_password::to_utf8_lossy;
    use secrecy::ExposeSecret as _;

    #[test]
    fn the_key_of_a_managed_password_is_the_references() {
        // PR 14.5: password, salt and AES256 key of the vector.
        let password = hex::decode(
            "a2704ef8b76ee3362573614610606ecf19e2c31872f90dce35d9b3a10ac350341e84dd091c0395227cc0969b5cc07ae0\
             4d8868069815597ee67db992ceb570847aa3725ab6acbdde33154aa608b0ca6d748e936c60b90e0aef9faf40ac2e2d17\
             a2bd33b639eb8686af59d01e44b20f12f83ca876ed0ef87bf843c9a1a2a071fb4675f3a685baf0a7139ae2c09d10a836\
             af9cc89bce417f4230eae5506aee8fdddf98b01013c3044ea411433976976b0ab56bfa0d7f71d1a5509e04789799d1ee\
             077493c6ffede78d5ab7f74484e63737f320fef6e7e82664ccf56cc17550f6d62d18127a6ea0c4d69b78092d690a1c0b\
             ea5350a2ddd8bdc08d89cc86d64f6781",
        )
        .unwrap();
        let text = to_utf8_lossy(&password);
        let key = Key::from_password(
            AES256,
            text.expose_secret().as_bytes(),
            b"LAB.EXAMPLEhostprovagentgmsa.lab.example",
        )
        .unwrap();
        assert_eq!(
            hex::encode(key.bytes()),
            "a68526ecbb447f5b0b62c9bdd50f646536b2ca2b9a80b7e259f93a06eecb267d"
        );
        assert_eq!(format!("{key:?}"), "Key(18, [REDACTED])");
    }

    #[test]
    fn weak_types_and_wrong_lengths_are_no_keys() {
        assert!(matches!(
            Key::new(23, &[0; 16]),
            Err(KerberosError::EncryptionType(23))
        ));
        assert!(matches!(
            Key::new(AES256, &[0; 16]),
            Err(KerberosError::EncryptionType(18))
        ));
    }

    #[test]
    fn a_changed_byte_or_another_use_is_found_out() {
        let key = Key::new(AES128, &[7; 16]).unwrap();
        let mut sealed = key.encrypt(Usage::AsReply, b"ticket").unwrap();
        assert_eq!(*key.decrypt(Usage::AsReply, &sealed).unwrap(), b"ticket");
        assert!(key.decrypt(Usage::TgsReply, &sealed).is_err());
        sealed[3] ^= 1;
        assert!(matches!(
            key.decrypt(Usage::AsReply, &sealed),
            Err(KerberosError::Integrity)
        ));
    }
}
