/** The table of commands. Whoever adds one writes a file and a line here; help follows. */

import type { Command } from "./command.js";
import { blame } from "./commands/blame.js";
import { completion } from "./commands/completion.js";
import { config } from "./commands/config.js";
import { copy } from "./commands/copy.js";
import { deleteCommand } from "./commands/delete.js";
import { diffCommand } from "./commands/diff.js";
import { doctor } from "./commands/doctor.js";
import { exportCommand } from "./commands/export.js";
import { fork } from "./commands/fork.js";
import { importCommand } from "./commands/import.js";
import { list } from "./commands/list.js";
import { pack } from "./commands/pack.js";
import { prune } from "./commands/prune.js";
import { repair } from "./commands/repair.js";
import { restore } from "./commands/restore.js";
import { save } from "./commands/save.js";
import { search } from "./commands/search.js";
import { show } from "./commands/show.js";
import { stats } from "./commands/stats.js";
import { tag } from "./commands/tag.js";
import { verify } from "./commands/verify.js";
import { watch } from "./commands/watch.js";
import { why } from "./commands/why.js";

/** All commands, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  save,
  restore,
  list,
  show,
  diffCommand,
  blame,
  why,
  search,
  watch,
  tag,
  fork,
  prune,
  pack,
  copy,
  exportCommand,
  importCommand,
  verify,
  repair,
  deleteCommand,
  stats,
  config,
  doctor,
  completion(() => COMMANDS),
];
