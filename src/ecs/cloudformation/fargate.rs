//! The sizes of tasks on Fargate.

/// CPU units (1024 are one vCPU), and the least, the most and the step of memory in MiB that go with them.
const SIZES: [(u32, u32, u32, u32); 8] = [
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
    (32768, 61440, 249_856, 61440),
];

/// What the largest task has.
pub const LARGEST: &str = "the largest has 32 vCPUs and 244 GiB of memory";

/// The smallest size that has at least so many CPU units and MiB of memory.
#[must_use]
pub fn smallest(cpu: u64, memory: u64) -> Option<(u32, u32)> {
    SIZES.into_iter().find_map(|(units, least, most, step)| {
        if u64::from(units) < cpu || u64::from(most) < memory {
            return None;
        }
        // A quarter vCPU comes with 512, 1024 or 2048 MiB, not with 1536.
        if units == 256 && memory > 1024 {
            return Some((units, most));
        }
        // 32 vCPUs come with 60, 120 or 244 GiB, not with 180.
        if units == 32768 && memory > 122_880 {
            return Some((units, most));
        }
        let memory = u32::try_from(memory).ok()?.max(least);
        Some((units, least + (memory - least).div_ceil(step) * step))
    })
}

/// Whether Fargate has this size.
#[must_use]
pub fn has(cpu: u32, memory: u32) -> bool {
    smallest(cpu.into(), memory.into()) == Some((cpu, memory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_size_that_fits() {
        for (cpu, memory, size) in [
            (0, 0, (256, 512)),
            (256, 513, (256, 1024)),
            (256, 1025, (256, 2048)),
            (256, 2049, (512, 3072)),
            (257, 0, (512, 1024)),
            (2048, 1, (2048, 4096)),
            (5000, 1, (8192, 16384)),
            (0, 30721, (8192, 32768)),
            (16384, 122_880, (16384, 122_880)),
            (16385, 0, (32768, 61440)),
            (0, 122_881, (32768, 249_856)),
        ] {
            assert_eq!(smallest(cpu, memory), Some(size), "{cpu} units, {memory} MiB");
        }
        assert_eq!(smallest(32769, 0), None);
        assert_eq!(smallest(0, 249_857), None);
    }

    #[test]
    fn sizes_are_pairs() {
        assert!(has(256, 2048) && has(1024, 3072));
        assert!(!has(256, 1536) && !has(1024, 1024) && !has(300, 512));
    }
}
