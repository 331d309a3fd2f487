//! One verdict for each attribute of the Compose specification.
