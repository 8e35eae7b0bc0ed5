//! The Node-API addon: converts, owns, catches; holds no logic.

mod tape;
