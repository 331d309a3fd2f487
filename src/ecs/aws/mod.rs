//! The AWS APIs: everything that is not known until a template is deployed. Knows nothing of Compose.
