//! The runtime of a simulated run: one thread, a clock that jumps, a scheduler that the seed decides.

use tokio::runtime::{Builder, Runtime};

/// Makes the runtime of a simulated run.
///
/// Its clock is paused: when nothing can run, time jumps to the next timer. Built with `--cfg tokio_unstable` (as this
/// workspace is) the branch order of `tokio::select!` follows `seed` too.
///
/// # Errors
/// Any error of the operating system while making the runtime.
pub fn runtime(seed: u64) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    #[cfg(tokio_unstable)]
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_be_bytes()));
    #[cfg(not(tokio_unstable))]
    let _ = seed;
    builder.build()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    #[test]
    fn a_year_passes_at_once() {
        let started = std::time::Instant::now();
        let year = Duration::from_secs(365 * 86_400);
        super::runtime(1)
            .unwrap()
            .block_on(async { tokio::time::sleep(year).await });
        assert!(started.elapsed() < Duration::from_secs(60));
    }

    #[cfg(tokio_unstable)]
    #[test]
    fn the_seed_decides_the_order_of_select() {
        let order = |seed| {
            super::runtime(seed).unwrap().block_on(async {
                let mut taken = Vec::new();
                for _ in 0..64 {
                    taken.push(tokio::select! { () = async {} => 1, () = async {} => 2 });
                }
                taken
            })
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
