//! Whole-system proof. This library is empty: everything stands in the tests beside it.
