//! Types of EC2 instances, and which of them is the smallest that fits.

use super::value::Text;

/// A type of instance and what it has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceType {
    pub name: Text,
    pub cpu: u32,
    /// GiB.
    pub memory: u32,
    pub gpus: u32,
    /// Thousandths of a dollar an hour in us-east-1, by which types are compared.
    price: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Architecture {
    Intel,
    Arm,
}

/// What one task needs of an instance: CPU units (1024 are one vCPU), MiB of memory, GPUs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Need {
    pub cpu: u64,
    pub memory: u64,
    pub gpus: u32,
}

/// Families for all purposes: GiB of memory for each vCPU, and the price of one.
const FAMILIES: [(Architecture, &str, u32, u32); 6] = [
    (Architecture::Intel, "c6i", 2, 43),
    (Architecture::Intel, "m6i", 4, 48),
    (Architecture::Intel, "r6i", 8, 63),
    (Architecture::Arm, "c7g", 2, 36),
    (Architecture::Arm, "m7g", 4, 41),
    (Architecture::Arm, "r7g", 8, 54),
];

/// Their sizes, and the vCPUs of each. Only those with ARM have the first, only the others the last two.
const SIZES: [(&str, u32); 10] = [
    ("medium", 1),
    ("large", 2),
    ("xlarge", 4),
    ("2xlarge", 8),
    ("4xlarge", 16),
    ("8xlarge", 32),
    ("12xlarge", 48),
    ("16xlarge", 64),
    ("24xlarge", 96),
    ("32xlarge", 128),
];

/// Types with GPUs: vCPUs, GiB of memory, GPUs, price.
const WITH_GPUS: [(&str, u32, u32, u32, u32); 29] = [
    ("g4dn.xlarge", 4, 16, 1, 526),
    ("g4dn.2xlarge", 8, 32, 1, 752),
    ("g4dn.4xlarge", 16, 64, 1, 1204),
    ("g4dn.8xlarge", 32, 128, 1, 2176),
    ("g4dn.16xlarge", 64, 256, 1, 4352),
    ("g4dn.12xlarge", 48, 192, 4, 3912),
    ("g4dn.metal", 96, 384, 8, 7824),
    ("g5.xlarge", 4, 16, 1, 1006),
    ("g5.2xlarge", 8, 32, 1, 1212),
    ("g5.4xlarge", 16, 64, 1, 1624),
    ("g5.8xlarge", 32, 128, 1, 2448),
    ("g5.16xlarge", 64, 256, 1, 4096),
    ("g5.12xlarge", 48, 192, 4, 5672),
    ("g5.24xlarge", 96, 384, 4, 8144),
    ("g5.48xlarge", 192, 768, 8, 16_288),
    ("g6.xlarge", 4, 16, 1, 805),
    ("g6.2xlarge", 8, 32, 1, 978),
    ("g6.4xlarge", 16, 64, 1, 1323),
    ("g6.8xlarge", 32, 128, 1, 2014),
    ("g6.16xlarge", 64, 256, 1, 3397),
    ("g6.12xlarge", 48, 192, 4, 4602),
    ("g6.24xlarge", 96, 384, 4, 6675),
    ("g6.48xlarge", 192, 768, 8, 13_350),
    ("p3.2xlarge", 8, 61, 1, 3060),
    ("p3.8xlarge", 32, 244, 4, 12_240),
    ("p3.16xlarge", 64, 488, 8, 24_480),
    ("p4d.24xlarge", 96, 1152, 8, 32_773),
    ("p5.4xlarge", 16, 256, 1, 6880),
    ("p5.48xlarge", 192, 2048, 8, 55_040),
];

/// The cheapest type that one task fits into, of a family (`g5`) or of all.
#[must_use]
pub fn smallest(need: Need, architecture: Architecture, family: Option<&str>) -> Option<InstanceType> {
    let of_family = |it: &InstanceType| family.is_none_or(|family| it.name.split('.').next() == Some(family));
    // A GPU is only paid for where one is asked for.
    let fits = |it: &InstanceType| it.fits(need) && (family.is_some() || (it.gpus > 0) == (need.gpus > 0));
    all(architecture)
        .filter(|it| of_family(it) && fits(it))
        .min_by_key(|it| (it.price, it.gpus))
}

/// A type by its name, if it is in the table.
#[must_use]
pub fn named(name: &str) -> Option<InstanceType> {
    let types = [Architecture::Intel, Architecture::Arm].into_iter().flat_map(all);
    types.into_iter().find(|it| it.name == name)
}

/// Whether the table has types of a family.
#[must_use]
pub fn is_family(name: &str) -> bool {
    let families = FAMILIES.iter().map(|(_, family, ..)| *family);
    let with_gpus = WITH_GPUS.iter().filter_map(|(name, ..)| name.split('.').next());
    families.chain(with_gpus).any(|family| family == name)
}

/// The architecture of a type's processor, by the convention of the names: `m7g`, `c6gn`, `t4g`, `g5g`.
#[must_use]
pub fn architecture(name: &str) -> Architecture {
    let family = name.split('.').next().unwrap_or_default();
    let attributes = family.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let attributes = attributes.trim_start_matches(|c: char| c.is_ascii_digit());
    if attributes.contains('g') || family == "a1" {
        Architecture::Arm
    } else {
        Architecture::Intel
    }
}

impl InstanceType {
    /// Whether a task fits beside the operating system, the engine and ECS's agent, which take less than a sixteenth of
    /// the memory.
    #[must_use]
    pub fn fits(&self, need: Need) -> bool {
        let memory = u64::from(self.memory) * 1024;
        let free = memory - (memory / 16).max(256);
        u64::from(self.cpu) * 1024 >= need.cpu && free >= need.memory && self.gpus >= need.gpus
    }
}

fn all(architecture: Architecture) -> impl Iterator<Item = InstanceType> {
    let general = FAMILIES.into_iter().filter(move |(of, ..)| *of == architecture);
    let general = general.flat_map(move |(_, family, gibibytes, price)| {
        let sizes = SIZES.into_iter().filter(move |(_, cpu)| match architecture {
            Architecture::Intel => *cpu > 1,
            Architecture::Arm => *cpu <= 64,
        });
        sizes.map(move |(size, cpu)| InstanceType {
            name: format!("{family}.{size}").into(),
            cpu,
            memory: cpu * gibibytes,
            gpus: 0,
            price: cpu * price,
        })
    });
    let with_gpus = WITH_GPUS
        .into_iter()
        .filter(move |_| architecture == Architecture::Intel)
        .map(|(name, cpu, memory, gpus, price)| InstanceType {
            name: name.into(),
            cpu,
            memory,
            gpus,
            price,
        });
    general.chain(with_gpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(cpu: u64, memory: u64, gpus: u32, architecture: Architecture) -> Option<Text> {
        smallest(Need { cpu, memory, gpus }, architecture, None).map(|it| it.name)
    }

    #[test]
    fn the_cheapest_type_that_fits() {
        for (cpu, memory, gpus, architecture, expected) in [
            (0, 0, 0, Architecture::Intel, "c6i.large"),
            (0, 0, 0, Architecture::Arm, "c7g.medium"),
            // 4 GiB are not all there for a task.
            (1024, 4096, 0, Architecture::Intel, "m6i.large"),
            (1024, 3800, 0, Architecture::Intel, "c6i.large"),
            (1024, 7000, 0, Architecture::Arm, "r7g.medium"),
            (65_000, 1, 0, Architecture::Intel, "c6i.16xlarge"),
            (512, 1024, 1, Architecture::Intel, "g4dn.xlarge"),
            (0, 20_000, 1, Architecture::Intel, "g4dn.2xlarge"),
            (0, 0, 2, Architecture::Intel, "g4dn.12xlarge"),
            (100_000, 0, 8, Architecture::Intel, "g6.48xlarge"),
            (0, 900_000, 1, Architecture::Intel, "p4d.24xlarge"),
        ] {
            assert_eq!(name(cpu, memory, gpus, architecture).as_deref(), Some(expected));
        }
        assert_eq!(name(0, 0, 9, Architecture::Intel), None);
        assert_eq!(name(0, 0, 1, Architecture::Arm), None);
        assert_eq!(name(65 * 1024, 0, 0, Architecture::Arm), None);
    }

    #[test]
    fn a_family_that_is_named() {
        let need = Need {
            cpu: 8192,
            ..Need::default()
        };
        let of = |family| smallest(need, Architecture::Intel, Some(family)).map(|it| it.name);
        assert_eq!(of("g5").as_deref(), Some("g5.2xlarge"));
        assert_eq!(of("r6i").as_deref(), Some("r6i.2xlarge"));
        assert_eq!(of("r7g"), None);
    }

    #[test]
    fn the_architecture_is_in_the_name() {
        for name in [
            "m7g.large",
            "c6gn.xlarge",
            "g5g.xlarge",
            "t4g.nano",
            "a1.medium",
            "c7gd.metal",
        ] {
            assert_eq!(architecture(name), Architecture::Arm, "{name}");
        }
        for name in [
            "g4dn.xlarge",
            "g6.xlarge",
            "p5.48xlarge",
            "m6i.large",
            "inf2.xlarge",
            "c5n.large",
        ] {
            assert_eq!(architecture(name), Architecture::Intel, "{name}");
        }
    }
}
