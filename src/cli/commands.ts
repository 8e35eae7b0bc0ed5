/** The table of commands. Whoever adds one writes a file and a line here; help follows. */

import type { Command } from "./command.js";
import { completion } from "./commands/completion.js";
import { config } from "./commands/config.js";
import { deleteCommand } from "./commands/delete.js";
import { diffCommand } from "./commands/diff.js";
import { doctor } from "./commands/doctor.js";
import { fork } from "./commands/fork.js";
import { list } from "./commands/list.js";
import { pack } from "./commands/pack.js";
import { prune } from "./commands/prune.js";
import { restore } from "./commands/restore.js";
import { save } from "./commands/save.js";
import { search } from "./commands/search.js";
import { show } from "./commands/show.js";
import { stats } from "./commands/stats.js";
import { tag } from "./commands/tag.js";
import { verify } from "./commands/verify.js";
import { watch } from "./commands/watch.js";

/** All commands, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  save,
  restore,
  list,
  show,
  diffCommand,
  search,
  watch,
  tag,
  fork,
  prune,
  pack,
  verify,
  deleteCommand,
  stats,
  config,
  doctor,
  completion(() => COMMANDS),
];
