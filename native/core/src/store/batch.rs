//! What every store refuses of a batch before it looks at what is stored, and what a failed
//! condition says.

use std::collections::HashSet;

use super::{key, Mode, Op, Supports, Version};
use crate::error::{fail, Code, Error, Result};

/// Refuses a batch that this store can never apply, whatever it holds.
pub fn check(ops: &[Op], supports: &Supports) -> Result<()> {
    check_size(ops, supports)?;
    for op in ops {
        key::check(op.key())?;
        check_op(op, supports)?;
    }
    match ops.len() {
        0 | 1 => Ok(()),
        _ => check_twice(ops),
    }
}

fn check_twice(ops: &[Op]) -> Result<()> {
    let mut seen = HashSet::with_capacity(ops.len());
    match ops.iter().find(|op| !seen.insert(op.key())) {
        None => Ok(()),
        Some(op) => {
            let message = "A key occurs twice in one batch; keep one step for each key.";
            Err(Error::new(Code::InvalidArgument, message).key(op.key()))
        }
    }
}

/// Refuses the step unless what is there (none: nothing) is what its condition asks for.
pub fn check_condition(op: &Op, there: Option<&Version>) -> Result<()> {
    let met = match op {
        Op::Put { mode: Mode::Overwrite, .. } | Op::Delete { if_version: None, .. } => true,
        Op::Put { mode: Mode::Create, .. } => there.is_none(),
        Op::Put { mode: Mode::IfVersion(version), .. }
        | Op::Delete { if_version: Some(version), .. } => there == Some(version),
        Op::Check { version, .. } => there == version.as_ref(),
    };
    if met {
        return Ok(());
    }
    let there = there.map_or("is absent".into(), |version| format!("has version {}", version.0));
    let message = format!(
        "The key {there}, which is not what the write was to find; read it again and decide anew."
    );
    Err(Error::new(Code::Conflict, message).key(op.key()))
}

fn check_size(ops: &[Op], supports: &Supports) -> Result<()> {
    if ops.len() > 1 && !supports.commit {
        let message = format!("A {} store applies one step at a time; split it.", supports.kind);
        return fail(Code::Unsupported, message);
    }
    if ops.len() > supports.max_batch {
        let most = supports.max_batch;
        let message = format!("A batch has {} steps; at most {most} are allowed.", ops.len());
        return fail(Code::InvalidArgument, message);
    }
    Ok(())
}

fn check_op(op: &Op, supports: &Supports) -> Result<()> {
    let refused = match op {
        Op::Put { value, .. } if value.len() as u64 > supports.max_value => {
            let (length, most) = (value.len(), supports.max_value);
            let message = format!("A value has {length} bytes; at most {most} are allowed.");
            return Err(Error::new(Code::ValueTooLarge, message).key(op.key()));
        }
        Op::Put { ttl: Some(_), .. } if !supports.ttl => "keep a time to live",
        Op::Put { mode, .. } if *mode != Mode::Overwrite && !supports.conditional_put => {
            "put on a condition"
        }
        Op::Delete { if_version: Some(_), .. } if !supports.conditional_delete => {
            "delete on a condition"
        }
        Op::Check { .. } if !supports.conditional_put => "check a condition",
        _ => return Ok(()),
    };
    let message = format!("A {} store cannot {refused}; use another store.", supports.kind);
    Err(Error::new(Code::Unsupported, message).key(op.key()))
}
