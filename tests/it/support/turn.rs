//! Which tests may run beside each other. Tests that only wait may; one that keeps the processors
//! busy would disturb the others' clocks, so it runs alone.
//!
//! Every test has a thread and a runtime of its own, so holding a turn across an `await` blocks no
//! other task; the guards are wrapped because they would otherwise be taken for a mistake.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static TURN: RwLock<()> = RwLock::new(());

#[must_use]
pub struct Shared {
    _guard: RwLockReadGuard<'static, ()>,
}

#[must_use]
pub struct Alone {
    _guard: RwLockWriteGuard<'static, ()>,
}

/// For tests that mostly wait. Hold the guard to the end of the test.
pub fn beside_others() -> Shared {
    let _guard = TURN.read().unwrap_or_else(PoisonError::into_inner);
    Shared { _guard }
}

/// For tests that load the machine. Hold the guard to the end of the test.
pub fn alone() -> Alone {
    let _guard = TURN.write().unwrap_or_else(PoisonError::into_inner);
    Alone { _guard }
}
