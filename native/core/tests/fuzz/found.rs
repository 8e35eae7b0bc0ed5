//! Inputs that broke a decoder once: target and hexadecimal digits. They are fed for ever.

pub const FOUND: &[(&str, &str)] = &[
    ("timeline", "0a4b54010001630bc6ffffffffc9ffffffff4d2f622e74b9b07a2a493311bb417c223757a3afc90086016a1d0106c89ab3fc9f34020673746570203306057448697264070481a161010808010102440001341b0212e64b698b106c000038ffffff7f35383901008156421872aa818a8f5063d22e90cf"),
];
