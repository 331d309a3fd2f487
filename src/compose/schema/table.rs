//! The table itself: one line an attribute.
//!
//! Long because the specification has that many attributes.

use super::Shape::{Any, Bounded, Cast, Checked, Either, List, LooselyNamed, Lowercase, Map, Named, Scalar, Set, Word};
use super::{Kinds, Object, Shape, TextRule};

/// A mapping with known keys and `x-` extensions.
macro_rules! object {
    ($name:expr, $fields:expr $(,)?) => {
        requiring!($name, &[], $fields)
    };
}
/// As `object!`, with keys that must be there.
macro_rules! requiring {
    ($name:expr, $required:expr, $fields:expr $(,)?) => {
        Shape::Object(&Object {
            name: $name,
            required: $required,
            extensible: true,
            open: false,
            fields: $fields,
        })
    };
}
/// As `requiring!`, without extensions.
macro_rules! closed {
    ($name:expr, $required:expr, $fields:expr $(,)?) => {
        Shape::Object(&Object {
            name: $name,
            required: $required,
            extensible: false,
            open: false,
            fields: $fields,
        })
    };
}

const STRING: Shape = Scalar(Kinds::STRING);
const DURATION: Shape = Checked(TextRule::Duration);
const STRING_OR_NULL: Shape = Scalar(Kinds::STRING.or(Kinds::NULL));
const STRING_OR_NUMBER: Shape = Scalar(Kinds::STRING.or(Kinds::NUMBER));
const STRING_OR_INTEGER: Shape = Scalar(Kinds::STRING.or(Kinds::INTEGER));
const STRING_OR_BOOLEAN: Shape = Scalar(Kinds::STRING.or(Kinds::BOOLEAN));
const STRING_NUMBER_OR_BOOLEAN: Shape = Scalar(Kinds::STRING.or(Kinds::NUMBER).or(Kinds::BOOLEAN));
const NULL: Shape = Scalar(Kinds::NULL);
const NUMBER: Shape = Scalar(Kinds::NUMBER);
const INTEGER: Shape = Cast(super::Cast::Integer, Kinds::STRING.or(Kinds::INTEGER));
const INTEGER_FROM_NUMBER: Shape = Cast(super::Cast::Integer, Kinds::STRING.or(Kinds::NUMBER));
const FLOAT: Shape = Cast(super::Cast::Float, Kinds::STRING.or(Kinds::NUMBER));
const BOOLEAN: Shape = Cast(super::Cast::Boolean, Kinds::STRING.or(Kinds::BOOLEAN));

const STRINGS: Shape = List(&STRING);
const STRING_SET: Shape = Set(&STRING);
const STRING_OR_SET: Shape = Either(&[STRING, STRING_SET]);
/// `environment`, `labels` and their like.
const LIST_OR_MAPPING: Shape = Either(&[
    Map(&Scalar(
        Kinds::STRING.or(Kinds::NUMBER).or(Kinds::BOOLEAN).or(Kinds::NULL),
    )),
    STRING_SET,
]);
const DRIVER_OPTIONS: Shape = Map(&STRING_OR_NUMBER);
const COMMAND: Shape = Either(&[NULL, STRING, STRINGS]);
const EXTRA_HOSTS: Shape = Either(&[Map(&Either(&[STRING, STRINGS])), STRING_SET]);

pub(in crate::compose) const PROJECT: Shape = object!(
    "a Compose file",
    &[
        ("configs", Named(&CONFIG)),
        ("include", List(&INCLUDE)),
        ("models", LooselyNamed(&MODEL)),
        ("name", STRING),
        ("networks", LooselyNamed(&Either(&[NULL, NETWORK]))),
        ("secrets", Named(&SECRET)),
        ("services", Named(&SERVICE)),
        ("version", STRING),
        ("volumes", Named(&Either(&[NULL, VOLUME]))),
    ],
);

pub(in crate::compose) const SERVICE: Shape = object!(
    "a service",
    &[
        ("annotations", LIST_OR_MAPPING),
        ("attach", BOOLEAN),
        ("blkio_config", BLKIO),
        ("build", Either(&[STRING, BUILD])),
        ("cap_add", STRING_SET),
        ("cap_drop", STRING_SET),
        ("cgroup", Word(&["host", "private"])),
        ("cgroup_parent", STRING),
        ("command", COMMAND),
        ("configs", FILE_REFERENCES),
        ("container_name", Checked(TextRule::ContainerName)),
        ("cpu_count", Bounded(super::Cast::Integer, 0, i64::MAX)),
        ("cpu_percent", Bounded(super::Cast::Float, 0, 100)),
        ("cpu_period", INTEGER_FROM_NUMBER),
        ("cpu_quota", INTEGER_FROM_NUMBER),
        ("cpu_rt_period", INTEGER_FROM_NUMBER),
        ("cpu_rt_runtime", INTEGER_FROM_NUMBER),
        ("cpu_shares", INTEGER_FROM_NUMBER),
        ("cpus", FLOAT),
        ("cpuset", STRING),
        ("credential_spec", CREDENTIAL_SPEC),
        ("depends_on", Either(&[STRING_SET, Named(&DEPENDENCY)])),
        ("deploy", Either(&[NULL, DEPLOY])),
        ("develop", Either(&[NULL, DEVELOP])),
        ("device_cgroup_rules", STRING_SET),
        ("devices", List(&Either(&[STRING, DEVICE]))),
        ("dns", STRING_OR_SET),
        ("dns_opt", STRING_SET),
        ("dns_search", STRING_OR_SET),
        ("domainname", STRING),
        ("entrypoint", COMMAND),
        ("env_file", Either(&[STRING, List(&Either(&[STRING, ENV_FILE]))])),
        ("environment", LIST_OR_MAPPING),
        ("expose", Set(&STRING_OR_NUMBER)),
        ("extends", Either(&[STRING, EXTENDS])),
        ("external_links", STRING_SET),
        ("extra_hosts", EXTRA_HOSTS),
        ("gpus", Either(&[Word(&["all"]), List(&GPU)])),
        ("group_add", Set(&STRING_OR_NUMBER)),
        ("healthcheck", HEALTHCHECK),
        ("hostname", STRING),
        ("image", STRING),
        ("init", BOOLEAN),
        ("ipc", STRING),
        ("isolation", STRING),
        ("label_file", Either(&[STRING, STRINGS])),
        ("labels", LIST_OR_MAPPING),
        ("links", STRING_SET),
        ("logging", LOGGING),
        ("mac_address", STRING),
        ("mem_limit", STRING_OR_NUMBER),
        ("mem_reservation", STRING_OR_INTEGER),
        ("mem_swappiness", STRING_OR_INTEGER),
        ("memswap_limit", STRING_OR_NUMBER),
        (
            "models",
            Either(&[STRING_SET, LooselyNamed(&Either(&[NULL, SERVICE_MODEL]))])
        ),
        ("network_mode", STRING),
        (
            "networks",
            Either(&[STRING_SET, Named(&Either(&[NULL, SERVICE_NETWORK]))])
        ),
        ("oom_kill_disable", BOOLEAN),
        ("oom_score_adj", Bounded(super::Cast::Integer, -1000, 1000)),
        ("pid", STRING_OR_NULL),
        ("pids_limit", INTEGER_FROM_NUMBER),
        ("platform", STRING),
        ("ports", Set(&Either(&[NUMBER, STRING, PORT]))),
        ("post_start", List(&HOOK)),
        ("pre_start", List(&PRE_START)),
        ("pre_stop", List(&HOOK)),
        ("privileged", BOOLEAN),
        ("profiles", STRING_SET),
        ("provider", PROVIDER),
        ("pull_policy", Checked(TextRule::PullPolicy)),
        ("pull_refresh_after", STRING),
        ("read_only", BOOLEAN),
        ("restart", STRING),
        ("runtime", STRING),
        ("scale", INTEGER),
        ("secrets", FILE_REFERENCES),
        ("security_opt", STRING_SET),
        ("shm_size", STRING_OR_NUMBER),
        ("stdin_open", BOOLEAN),
        ("stop_grace_period", DURATION),
        ("stop_signal", STRING),
        ("storage_opt", Map(&Any)),
        ("sysctls", LIST_OR_MAPPING),
        ("tmpfs", STRING_OR_SET),
        ("tty", BOOLEAN),
        ("ulimits", ULIMITS),
        ("use_api_socket", Scalar(Kinds::BOOLEAN)),
        ("user", STRING),
        ("userns_mode", STRING),
        ("uts", STRING),
        ("volumes", Set(&Either(&[STRING, MOUNT]))),
        ("volumes_from", STRING_SET),
        ("working_dir", STRING),
    ],
);

const BUILD: Shape = object!(
    "`build`",
    &[
        ("additional_contexts", LIST_OR_MAPPING),
        ("args", LIST_OR_MAPPING),
        ("cache_from", STRINGS),
        ("cache_to", STRINGS),
        ("context", STRING),
        ("dockerfile", STRING),
        ("dockerfile_inline", STRING),
        ("entitlements", STRINGS),
        ("extra_hosts", EXTRA_HOSTS),
        ("isolation", STRING),
        ("labels", LIST_OR_MAPPING),
        ("network", STRING),
        ("no_cache", BOOLEAN),
        ("no_cache_filter", STRING_OR_SET),
        ("platforms", STRINGS),
        ("privileged", BOOLEAN),
        ("provenance", STRING_OR_BOOLEAN),
        ("pull", BOOLEAN),
        ("sbom", STRING_OR_BOOLEAN),
        ("secrets", FILE_REFERENCES),
        ("shm_size", STRING_OR_INTEGER),
        ("ssh", LIST_OR_MAPPING),
        ("tags", STRINGS),
        ("target", STRING),
        ("ulimits", ULIMITS),
    ],
);

const BLKIO: Shape = closed!(
    "`blkio_config`",
    &[],
    &[
        ("device_read_bps", List(&BLKIO_LIMIT)),
        ("device_read_iops", List(&BLKIO_LIMIT)),
        ("device_write_bps", List(&BLKIO_LIMIT)),
        ("device_write_iops", List(&BLKIO_LIMIT)),
        ("weight", STRING_OR_INTEGER),
        ("weight_device", List(&BLKIO_WEIGHT)),
    ],
);
const BLKIO_LIMIT: Shape = closed!(
    "a limit of a device",
    &[],
    &[("path", STRING), ("rate", STRING_OR_INTEGER)],
);
const BLKIO_WEIGHT: Shape = closed!(
    "a weight of a device",
    &[],
    &[("path", STRING), ("weight", STRING_OR_INTEGER)],
);

const CREDENTIAL_SPEC: Shape = object!(
    "`credential_spec`",
    &[("config", STRING), ("file", STRING), ("registry", STRING)],
);

const DEPENDENCY: Shape = requiring!(
    "a dependency",
    &["condition"],
    &[
        (
            "condition",
            Word(&["service_started", "service_healthy", "service_completed_successfully"]),
        ),
        ("required", BOOLEAN),
        ("restart", BOOLEAN),
    ],
);

const DEPLOY: Shape = object!(
    "`deploy`",
    &[
        ("endpoint_mode", STRING),
        ("labels", LIST_OR_MAPPING),
        ("mode", STRING),
        ("placement", PLACEMENT),
        ("replicas", INTEGER),
        ("resources", RESOURCES),
        ("restart_policy", RESTART_POLICY),
        ("rollback_config", UPDATE_CONFIG),
        ("update_config", UPDATE_CONFIG),
    ],
);
const PLACEMENT: Shape = object!(
    "`placement`",
    &[
        ("constraints", STRINGS),
        ("max_replicas_per_node", INTEGER),
        ("preferences", List(&object!("a preference", &[("spread", STRING)]))),
    ],
);
const RESOURCES: Shape = object!("`resources`", &[("limits", LIMITS), ("reservations", RESERVATIONS)]);
const LIMITS: Shape = object!(
    "`limits`",
    &[
        ("cpus", STRING_OR_NUMBER),
        ("memory", STRING),
        ("pids", STRING_OR_INTEGER)
    ],
);
const RESERVATIONS: Shape = object!(
    "`reservations`",
    &[
        ("cpus", STRING_OR_NUMBER),
        ("devices", List(&DEVICE_REQUEST)),
        ("generic_resources", List(&GENERIC_RESOURCE)),
        ("memory", STRING),
    ],
);
const DEVICE_REQUEST: Shape = requiring!(
    "a reservation of devices",
    &["capabilities"],
    &[
        ("capabilities", STRING_SET),
        ("count", STRING_OR_INTEGER),
        ("device_ids", STRING_SET),
        ("driver", STRING),
        ("options", LIST_OR_MAPPING),
    ],
);
const GPU: Shape = Shape::Object(&Object {
    name: "an entry of `gpus`",
    required: &[],
    extensible: true,
    open: true,
    fields: &[
        ("capabilities", STRING_SET),
        ("count", STRING_OR_INTEGER),
        ("device_ids", STRING_SET),
        ("driver", STRING),
        ("options", LIST_OR_MAPPING),
    ],
});
const GENERIC_RESOURCE: Shape = object!(
    "a generic resource",
    &[(
        "discrete_resource_spec",
        object!(
            "`discrete_resource_spec`",
            &[("kind", STRING), ("value", STRING_OR_NUMBER)],
        ),
    )],
);
const RESTART_POLICY: Shape = object!(
    "`restart_policy`",
    &[
        ("condition", STRING),
        ("delay", DURATION),
        ("max_attempts", INTEGER),
        ("window", DURATION),
    ],
);
const UPDATE_CONFIG: Shape = object!(
    "`update_config`",
    &[
        ("delay", DURATION),
        ("failure_action", STRING),
        ("max_failure_ratio", FLOAT),
        ("monitor", DURATION),
        ("order", Word(&["start-first", "stop-first"])),
        ("parallelism", INTEGER),
    ],
);

const DEVELOP: Shape = object!("`develop`", &[("watch", List(&WATCH))]);
const WATCH: Shape = requiring!(
    "a watch rule",
    &["path", "action"],
    &[
        (
            "action",
            Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"])
        ),
        ("exec", HOOK),
        ("ignore", STRING_OR_SET),
        ("include", STRING_OR_SET),
        ("initial_sync", Scalar(Kinds::BOOLEAN)),
        ("path", STRING),
        ("target", STRING),
    ],
);

const DEVICE: Shape = requiring!(
    "a device",
    &["source"],
    &[("permissions", STRING), ("source", STRING), ("target", STRING)],
);

const ENV_FILE: Shape = closed!(
    "an entry of `env_file`",
    &["path"],
    &[("format", STRING), ("path", STRING), ("required", BOOLEAN)],
);

const EXTENDS: Shape = closed!("`extends`", &["service"], &[("file", STRING), ("service", STRING)]);

const FILE_REFERENCES: Shape = List(&Either(&[STRING, FILE_REFERENCE]));
const FILE_REFERENCE: Shape = object!(
    "a reference",
    &[
        ("gid", STRING),
        ("mode", STRING_OR_NUMBER),
        ("source", STRING),
        ("target", STRING),
        ("uid", STRING),
    ],
);

const HEALTHCHECK: Shape = object!(
    "`healthcheck`",
    &[
        ("disable", BOOLEAN),
        ("interval", DURATION),
        ("retries", INTEGER_FROM_NUMBER),
        ("start_interval", DURATION),
        ("start_period", DURATION),
        ("test", Either(&[STRING, STRINGS])),
        ("timeout", DURATION),
    ],
);

const HOOK: Shape = requiring!("a hook", &["command"], HOOK_FIELDS);
const HOOK_FIELDS: &[(&str, Shape)] = &[
    ("command", COMMAND),
    ("environment", LIST_OR_MAPPING),
    ("privileged", BOOLEAN),
    ("user", STRING),
    ("working_dir", STRING),
];
const PRE_START: Shape = object!(
    "a `pre_start` hook",
    &[
        ("command", COMMAND),
        ("environment", LIST_OR_MAPPING),
        ("image", STRING),
        ("per_replica", BOOLEAN),
        ("privileged", BOOLEAN),
        ("user", STRING),
        ("working_dir", STRING),
    ],
);

const LOGGING: Shape = object!(
    "`logging`",
    &[
        ("driver", STRING),
        ("options", Map(&Scalar(Kinds::STRING.or(Kinds::NUMBER).or(Kinds::NULL)))),
    ],
);

const MOUNT: Shape = requiring!(
    "a volume",
    &["type"],
    &[
        (
            "bind",
            object!(
                "`bind`",
                &[
                    ("create_host_path", BOOLEAN),
                    ("propagation", STRING),
                    ("recursive", Word(&["enabled", "disabled", "writable", "readonly"])),
                    ("selinux", Word(&["z", "Z"])),
                ],
            ),
        ),
        ("consistency", STRING),
        ("image", object!("`image`", &[("subpath", STRING)])),
        ("read_only", BOOLEAN),
        ("source", STRING),
        ("target", STRING),
        (
            "tmpfs",
            object!("`tmpfs`", &[("mode", STRING_OR_NUMBER), ("size", STRING_OR_INTEGER)]),
        ),
        ("type", Word(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"])),
        (
            "volume",
            object!(
                "`volume`",
                &[("labels", LIST_OR_MAPPING), ("nocopy", BOOLEAN), ("subpath", STRING)],
            ),
        ),
    ],
);

const PORT: Shape = object!(
    "a port",
    &[
        ("app_protocol", STRING),
        ("host_ip", STRING),
        ("mode", STRING),
        ("name", STRING),
        ("protocol", STRING),
        ("published", STRING_OR_INTEGER),
        ("target", INTEGER),
    ],
);

const PROVIDER: Shape = requiring!(
    "`provider`",
    &["type"],
    &[
        (
            "options",
            Map(&Either(&[STRING_NUMBER_OR_BOOLEAN, List(&STRING_NUMBER_OR_BOOLEAN)])),
        ),
        ("type", STRING),
    ],
);

const SERVICE_MODEL: Shape = object!("a service's model", &[("endpoint_var", STRING), ("model_var", STRING)],);

const SERVICE_NETWORK: Shape = object!(
    "a service's network",
    &[
        ("aliases", STRING_SET),
        ("driver_opts", DRIVER_OPTIONS),
        ("gw_priority", NUMBER),
        ("interface_name", STRING),
        ("ipv4_address", STRING),
        ("ipv6_address", STRING),
        ("link_local_ips", STRING_SET),
        ("mac_address", STRING),
        ("priority", NUMBER),
    ],
);

const ULIMITS: Shape = Lowercase(&Either(&[
    INTEGER,
    requiring!("a ulimit", &["soft", "hard"], &[("hard", INTEGER), ("soft", INTEGER)]),
]));

pub(in crate::compose) const INCLUDE: Shape = Either(&[
    STRING,
    closed!(
        "an entry of `include`",
        &[],
        &[
            ("env_file", STRING_OR_SET),
            ("path", STRING_OR_SET),
            ("project_directory", STRING),
        ],
    ),
]);

const EXTERNAL: Shape = Either(&[BOOLEAN, object!("`external`", &[("name", STRING)])]);

const NETWORK: Shape = object!(
    "a network",
    &[
        ("attachable", BOOLEAN),
        ("driver", STRING),
        ("driver_opts", DRIVER_OPTIONS),
        ("enable_ipv4", BOOLEAN),
        ("enable_ipv6", BOOLEAN),
        ("external", EXTERNAL),
        ("internal", BOOLEAN),
        ("ipam", IPAM),
        ("labels", LIST_OR_MAPPING),
        ("name", STRING),
    ],
);
const IPAM: Shape = object!(
    "`ipam`",
    &[
        (
            "config",
            List(&object!(
                "an address pool",
                &[
                    ("aux_addresses", Map(&STRING)),
                    ("gateway", STRING),
                    ("ip_range", STRING),
                    ("subnet", STRING),
                ],
            )),
        ),
        ("driver", STRING),
        ("options", Map(&STRING)),
    ],
);

const VOLUME: Shape = object!(
    "a volume",
    &[
        ("driver", STRING),
        ("driver_opts", DRIVER_OPTIONS),
        ("external", EXTERNAL),
        ("labels", LIST_OR_MAPPING),
        ("name", STRING),
    ],
);

const SECRET: Shape = object!(
    "a secret",
    &[
        ("driver", STRING),
        ("driver_opts", DRIVER_OPTIONS),
        ("environment", STRING),
        ("external", EXTERNAL),
        ("file", STRING),
        ("labels", LIST_OR_MAPPING),
        ("name", STRING),
        ("template_driver", STRING),
    ],
);

const CONFIG: Shape = object!(
    "a config",
    &[
        ("content", STRING),
        ("environment", STRING),
        ("external", EXTERNAL),
        ("file", STRING),
        ("labels", LIST_OR_MAPPING),
        ("name", STRING),
        ("template_driver", STRING),
    ],
);

const MODEL: Shape = requiring!(
    "a model",
    &["model"],
    &[
        ("context_size", Scalar(Kinds::INTEGER)),
        ("model", STRING),
        ("name", STRING),
        ("runtime_flags", STRINGS),
    ],
);
