//! One request to the KDC and its answer, over TCP (RFC 4120 section 7.2.2).

use std::time::Duration;

use provlab_platform::{Endpoint, Platform};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::error::KerberosError;

/// Port of the KDC on every domain controller.
pub const KDC_PORT: u16 = 88;
/// Longest answer that is read. A ticket with the largest PAC that Windows makes has 48,000 bytes (MaxTokenSize).
pub const MAX_KDC_BYTES: usize = 64 * 1024;

/// Asks the KDC on `server`; the whole exchange takes `timeout` at most.
pub(super) async fn ask(
    platform: &Platform,
    server: &str,
    timeout: Duration,
    request: &[u8],
) -> Result<Vec<u8>, KerberosError> {
    let endpoint = Endpoint::new(server, KDC_PORT);
    let length = u32::try_from(request.len()).map_err(|_| KerberosError::TooLong(request.len()))?;
    let asking = async {
        let mut stream = platform
            .net
            .connect(&endpoint)
            .await
            .map_err(KerberosError::Unreachable)?;
        let broken = |error: std::io::Error| KerberosError::Broken {
            endpoint: endpoint.clone(),
            detail: error.to_string(),
        };
        stream.write_all(&length.to_be_bytes()).await.map_err(broken)?;
        stream.write_all(request).await.map_err(broken)?;
        stream.flush().await.map_err(broken)?;
        let announced = stream.read_u32().await.map_err(broken)?;
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        if announced > MAX_KDC_BYTES {
            return Err(KerberosError::TooLong(announced));
        }
        let mut answer = vec![0; announced];
        stream.read_exact(&mut answer).await.map_err(broken)?;
        Ok(answer)
    };
    let elapsed = KerberosError::TimedOut {
        endpoint: endpoint.clone(),
        after: timeout,
    };
    platform
        .clock
        .timeout(timeout, asking)
        .await
        .unwrap_or(Err(elapsed))
}
