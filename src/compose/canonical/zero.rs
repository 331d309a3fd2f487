//! What Go's `omitempty` leaves out.

use indexmap::IndexMap;

use crate::compose::{ByteSize, Duration, Spanned};

pub(in crate::compose) fn zero(value: &impl Zero) -> bool {
    value.is_zero()
}

pub(in crate::compose) trait Zero {
    fn is_zero(&self) -> bool;
}

impl<T: Zero> Zero for Option<T> {
    fn is_zero(&self) -> bool {
        self.as_ref().is_none_or(Zero::is_zero)
    }
}

impl<T: Zero> Zero for Spanned<T> {
    fn is_zero(&self) -> bool {
        self.value.is_zero()
    }
}

impl<T> Zero for Vec<T> {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Zero for IndexMap<K, V> {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl Zero for String {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl Zero for bool {
    fn is_zero(&self) -> bool {
        !self
    }
}

impl Zero for i64 {
    fn is_zero(&self) -> bool {
        *self == 0
    }
}

impl Zero for u32 {
    fn is_zero(&self) -> bool {
        *self == 0
    }
}

impl Zero for u16 {
    fn is_zero(&self) -> bool {
        *self == 0
    }
}

impl Zero for f32 {
    fn is_zero(&self) -> bool {
        *self == 0.0
    }
}

impl Zero for ByteSize {
    fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl Zero for Duration {
    fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl<T: Zero + ?Sized> Zero for &T {
    fn is_zero(&self) -> bool {
        (**self).is_zero()
    }
}
