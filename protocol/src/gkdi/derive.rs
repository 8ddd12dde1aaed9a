//! The chain of keys from the forest's root key down to one account's password (PR 14.5).

use std::fmt;

use hmac::{Hmac, Mac as _};
use sha2::Sha512;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{GkdiError, GroupKeyId, KEYS_PER_LEVEL};
use crate::guid::Guid;
use crate::managed_password::{ManagedPassword, PASSWORD_BYTES};
use crate::sid::Sid;

/// Length of a root key and of every key derived from it.
const KEY_BYTES: usize = 64;
const HASH_NAME: &str = "SHA512";
const HASH_BYTES: usize = 64;
const SERVICE_LABEL: &str = "KDS service\0";
const PASSWORD_LABEL: &str = "GMSA PASSWORD\0";
/// Stands for "no index at this level".
const NO_INDEX: i32 = -1;
/// Chains of L1 and L2 keys begin here and count down.
const LAST_INDEX: i32 = KEYS_PER_LEVEL as i32 - 1;

type GroupKey = Zeroizing<[u8; KEY_BYTES]>;

/// `O:SYD:(A;;FRFW;;;S-1-5-9)`: the descriptor that every domain controller puts into the keys of managed accounts.
const DESCRIPTOR: [u8; 60] = [
    0x01, 0x00, 0x04, 0x80, 0x30, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14,
    0x00, 0x00, 0x00, 0x02, 0x00, 0x1c, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x9f, 0x01,
    0x12, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x09, 0x00, 0x00, 0x00, 0x01, 0x01, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x05, 0x12, 0x00, 0x00, 0x00,
];

/// A KDS root key: with it every managed password of the forest can be computed, so it is wiped on drop and never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RootKey {
    #[zeroize(skip)]
    id: Guid,
    data: [u8; KEY_BYTES],
}

impl RootKey {
    /// Length of `msKds-RootKeyData`.
    pub const DATA_BYTES: usize = KEY_BYTES;

    /// From the object's `cn` and `msKds-RootKeyData`.
    pub const fn new(id: Guid, data: [u8; KEY_BYTES]) -> Self {
        RootKey { id, data }
    }

    /// The key's name.
    pub const fn id(&self) -> Guid {
        self.id
    }

    /// The key itself, for `msKds-RootKeyData`. Keep it out of every log.
    pub const fn data(&self) -> &[u8; KEY_BYTES] {
        &self.data
    }

    /// The value of `msKds-KDFParam` for the hash that is used here (PR 14.3).
    pub fn kdf_parameters() -> Vec<u8> {
        let name = utf16(&format!("{HASH_NAME}\0"));
        let words = [0, 1, name.len() as u32, 0];
        words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .chain(name)
            .collect()
    }

    /// Checks that a value of `msKds-KDFParam` asks for the hash that is used here.
    ///
    /// # Errors
    /// Another hash, or no such value at all.
    pub fn check_kdf_parameters(value: &[u8]) -> Result<(), GkdiError> {
        if value == Self::kdf_parameters() {
            return Ok(());
        }
        let name = value.get(16..).unwrap_or_default().as_chunks::<2>().0;
        let name = char::decode_utf16(name.iter().map(|unit| u16::from_le_bytes(*unit)))
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .take_while(|&unit| unit != '\0')
            .take(32)
            .collect();
        Err(GkdiError::Hash(name))
    }

    /// The key of `id`: from L0 down the L1 keys, then down the L2 keys.
    fn group_key(&self, id: GroupKeyId) -> GroupKey {
        // GroupKeyId holds no index over 2^31.
        let [l0, l1, l2] = [id.l0() as i32, id.l1() as i32, id.l2() as i32];
        let start = self.l1_key(l0, l1);
        (l2..=LAST_INDEX)
            .rev()
            .fold(start, |key, index| self.next_key(&key, [l0, l1, index], &[]))
    }

    /// The L1 key; only the first of its chain takes the descriptor in.
    fn l1_key(&self, l0: i32, l1: i32) -> GroupKey {
        let first = self.next_key(&self.l0_key(l0), [l0, LAST_INDEX, NO_INDEX], &DESCRIPTOR);
        (l1..LAST_INDEX).rev().fold(first, |key, index| {
            self.next_key(&key, [l0, index, NO_INDEX], &[])
        })
    }

    fn l0_key(&self, l0: i32) -> GroupKey {
        self.next_key(&self.data, [l0, NO_INDEX, NO_INDEX], &[])
    }

    /// One step of the chain.
    fn next_key(&self, key: &[u8; KEY_BYTES], indices: [i32; 3], extra: &[u8]) -> GroupKey {
        let mut context = self.id.to_le_bytes().to_vec();
        context.extend(indices.into_iter().flat_map(i32::to_le_bytes));
        context.extend_from_slice(extra);
        let mut next = Zeroizing::new([0; KEY_BYTES]);
        kdf(key, SERVICE_LABEL, &context, next.as_mut_slice());
        next
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootKey({}, [REDACTED])", self.id)
    }
}

/// The password that the account has while the group key `id` is in force.
pub fn derive_gmsa_password(root_key: &RootKey, id: GroupKeyId, account: &Sid) -> ManagedPassword {
    let key = root_key.group_key(id);
    let mut password = Zeroizing::new(vec![0; PASSWORD_BYTES]);
    kdf(&key, PASSWORD_LABEL, &account.to_bytes(), &mut password);
    for unit in password.as_chunks_mut::<2>().0 {
        if *unit == [0, 0] {
            *unit = 1u16.to_le_bytes();
        }
    }
    ManagedPassword::from_key_material(password)
}

/// NIST SP 800-108 in counter mode with HMAC-SHA-512; `out` is filled.
fn kdf(key: &[u8; KEY_BYTES], label: &str, context: &[u8], out: &mut [u8]) {
    let label = utf16(label);
    let bits = (8 * out.len() as u32).to_be_bytes();
    for (counter, chunk) in (1u32..).zip(out.chunks_mut(HASH_BYTES)) {
        let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes keys of every length");
        for part in [&counter.to_be_bytes()[..], &label, &[0], context, &bits] {
            mac.update(part);
        }
        let mut block = mac.finalize().into_bytes();
        chunk.copy_from_slice(&block[..chunk.len()]);
        block.zeroize();
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::security::{Layout, SecurityDescriptor};

    fn root_key() -> RootKey {
        RootKey::new(
            "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap(),
            std::array::from_fn(|at| at as u8),
        )
    }

    fn account() -> Sid {
        "S-1-5-21-1111111111-2222222222-3333333333-1109".parse().unwrap()
    }

    #[test]
    fn the_descriptor_is_what_its_text_says() {
        let descriptor: SecurityDescriptor = "O:SYD:(A;;FRFW;;;S-1-5-9)".parse().unwrap();
        assert_eq!(descriptor.to_bytes_as(Layout::ListsFirst).unwrap(), DESCRIPTOR);
    }

    #[test]
    fn reference_chain_of_keys() {
        let root = root_key();
        let table = [
            (
                root.l0_key(362),
                concat!(
                    "4e2e6a12ad071b06bce6a30be5296db3ba2beee6f19c9a064f20d77d7c984d460e0891c7f7e5d95437cd935e0c996cf8",
                    "293898af34fd318213404c2be4463b30",
                ),
            ),
            (
                root.l1_key(362, 31),
                concat!(
                    "c53f2de68000018d711429498262d9c2dec1e48e3ddae7c0a3692f6071624e4306d963019eee960bad9f882e1fb0a918",
                    "a1c9c33f0a854bd45ad3388ce2d59937",
                ),
            ),
            (
                root.l1_key(362, 5),
                concat!(
                    "6cca7fb92d1bf80f654657db09044cd93c6e69be594b7f08276c698d270cac6191f827729066522b931b5479124c592b",
                    "243750a491d14baf76baa87c5f6bdea9",
                ),
            ),
            (
                root.group_key(GroupKeyId::new(362, 5, 17).unwrap()),
                concat!(
                    "13805af27c36f544f6e378429e60486972bd8b61180ac641808267d4cd69e0a0356fa969656f1b622d54c7b24b37d669",
                    "9db97cca028aa359f7baf4d8abd91a22",
                ),
            ),
        ];
        for (key, expected) in table {
            assert_eq!(hex::encode(*key), expected);
        }
    }

    #[test]
    fn reference_password() {
        let id = GroupKeyId::new(362, 5, 17).unwrap();
        let password = derive_gmsa_password(&root_key(), id, &account());
        let expected = concat!(
            "a2704ef8b76ee3362573614610606ecf19e2c31872f90dce35d9b3a10ac350341e84dd091c0395227cc0969b5cc07ae0",
            "4d8868069815597ee67db992ceb570847aa3725ab6acbdde33154aa608b0ca6d748e936c60b90e0aef9faf40ac2e2d17",
            "a2bd33b639eb8686af59d01e44b20f12f83ca876ed0ef87bf843c9a1a2a071fb4675f3a685baf0a7139ae2c09d10a836",
            "af9cc89bce417f4230eae5506aee8fdddf98b01013c3044ea411433976976b0ab56bfa0d7f71d1a5509e04789799d1ee",
            "077493c6ffede78d5ab7f74484e63737f320fef6e7e82664ccf56cc17550f6d62d18127a6ea0c4d69b78092d690a1c0b",
            "ea5350a2ddd8bdc08d89cc86d64f6781",
        );
        assert_eq!(hex::encode(password.as_bytes()), expected);
        assert_eq!(
            hex::encode(password.nt_hash().as_bytes()),
            "9363350e80cbf15d618c352a371c6bae"
        );
        assert_eq!(password.to_utf8_lossy().expose_secret().len(), 382);
    }

    #[test]
    fn reference_previous_password() {
        let id = GroupKeyId::new(362, 4, 9).unwrap();
        let password = derive_gmsa_password(&root_key(), id, &account());
        assert_eq!(
            hex::encode(&password.as_bytes()[..16]),
            "c5eb53d35e3bba168d7215383dce7c57"
        );
        assert_eq!(
            hex::encode(password.nt_hash().as_bytes()),
            "88b673b88aede9d84ef0b14ab4d7b99a"
        );
    }

    #[test]
    fn the_first_and_the_last_index_have_keys() {
        let root = root_key();
        let key = |l1, l2| root.group_key(GroupKeyId::new(362, l1, l2).unwrap());
        assert_ne!(*key(31, 31), *key(31, 30));
        assert_ne!(*key(0, 0), *key(0, 1));
    }

    #[test]
    fn parameters_name_the_hash() {
        let value = RootKey::kdf_parameters();
        assert_eq!(
            hex::encode(&value),
            "00000000010000000e000000000000005300480041003500310032000000"
        );
        assert_eq!(RootKey::check_kdf_parameters(&value), Ok(()));
        let other = [&value[..16], &utf16("SHA256\0")].concat();
        assert_eq!(
            RootKey::check_kdf_parameters(&other),
            Err(GkdiError::Hash("SHA256".to_owned()))
        );
        assert!(RootKey::check_kdf_parameters(&[]).is_err());
    }

    #[test]
    fn debug_shows_the_name_only() {
        assert_eq!(
            format!("{:?}", root_key()),
            "RootKey(00112233-4455-6677-8899-aabbccddeeff, [REDACTED])"
        );
    }
}
