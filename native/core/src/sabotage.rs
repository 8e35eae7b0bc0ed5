//! `sabotaged!(Rule)`: whether a test has switched that rule off. Without the feature `testing`
//! it is false when it is compiled, and nothing of it is left.

#[cfg(feature = "testing")]
macro_rules! sabotaged {
    ($rule:ident) => {
        $crate::testing::sabotage::is_off($crate::testing::sabotage::Rule::$rule)
    };
}

#[cfg(not(feature = "testing"))]
macro_rules! sabotaged {
    ($rule:ident) => {
        false
    };
}
