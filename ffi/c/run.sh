#!/bin/sh
# Builds the C library, then compiles and runs every test in this folder: as C11 under valgrind, as
# C++17, and under AddressSanitizer with UBSan. Prints what fails, and one line of figures at the end.
#
#   sh ffi/c/run.sh [name ...]        all tests, or only those that are named
#   sh ffi/c/run.sh bench             figures of single calls instead
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/native/target}
library=$target/ci
work=$target/ffi-c
passed=0
failed=0

need() {
  command -v "$1" >/dev/null 2>&1 && return
  echo "The C tests need $1; install it ($2)." >&2
  echo "0 passed, 1 failed"
  exit 1
}
need gcc "apt-get install gcc"
need g++ "apt-get install g++"
need nm "apt-get install binutils"
need valgrind "apt-get install valgrind"

cargo build -q --locked --profile ci -p keepstate-capi --manifest-path "$root/native/Cargo.toml" ||
  { echo "0 passed, 1 failed"; exit 1; }
rm -rf "$work" && mkdir -p "$work/lib" || exit 1
# Programs record the soname, so a file of that name must be found when they start.
cp "$library/libkeepstate.so" "$work/lib/libkeepstate.so.0" && ln -s libkeepstate.so.0 "$work/lib/libkeepstate.so"

include="-I$root/ffi/include"
strict="-Wall -Wextra -Werror -pedantic -g"
shared="-L$work/lib -Wl,-rpath,$work/lib -lkeepstate -lpthread"
static="$library/libkeepstate.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
c11="-std=c11 -D_POSIX_C_SOURCE=200809L"
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"

if [ "${1:-}" = bench ]; then
  gcc -O2 $c11 $include "$here/bench.c" -o "$work/bench" $shared && exec "$work/bench"
  exit 1
fi

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED $1"; }

# run TITLE PROGRAM...: adds the figures of the program's last line; an end without any is a failure.
run() {
  title=$1
  shift
  folder=$work/state-$(echo "$title" | tr ' +' '__')
  mkdir -p "$folder"
  "$@" "$folder" >"$work/out" 2>"$work/err"
  code=$?
  figures=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$work/out" | tail -1)
  good=${figures% *}
  bad=${figures#* }
  [ -n "$figures" ] || { good=0; bad=1; }
  [ $code -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  passed=$((passed + good))
  failed=$((failed + bad))
  [ "$bad" -eq 0 ] || { echo "FAILED $title (exit $code)"; cat "$work/out" "$work/err"; }
}

compile() {
  title=$1
  shift
  "$@" >"$work/err" 2>&1 && return 0
  fail "$title does not compile"
  cat "$work/err"
  return 1
}

# After a fork the child has the memory of threads that it has not; only ASan looks for leaks there.
leaks_of() {
  [ "$1" = fork ] && echo no || echo full
}

test_of() {
  name=$1
  source=$here/$name.c
  compile "$name as C11" gcc $c11 $strict $include "$source" -o "$work/$name" $shared &&
    run "$name under valgrind" valgrind -q --error-exitcode=99 --leak-check="$(leaks_of "$name")" \
      --errors-for-leak-kinds=definite --show-leak-kinds=definite --fair-sched=try \
      --child-silent-after-fork=yes "$work/$name"
  compile "$name as C++17" g++ -x c++ -std=c++17 $strict $include "$source" -o "$work/$name-cpp" $shared &&
    run "$name as C++17" "$work/$name-cpp"
  compile "$name under ASan" gcc $c11 $strict $sanitize $include "$source" -o "$work/$name-asan" $static &&
    sanitized "$name" && run "$name under ASan" "$work/$name-asan"
}

# A build that lost its sanitizer would prove nothing.
sanitized() {
  nm "$work/$1-asan" | grep -q __asan_init && return 0
  fail "$1 was built without AddressSanitizer"
  return 1
}

exports() {
  names=$(nm -D --defined-only "$library/libkeepstate.so" | awk '{ print $3 }')
  for name in $names; do
    case $name in
      ks_*) ;;
      *) fail "the library exports $name; only ks_ names may be seen"; continue ;;
    esac
    grep -q "\\b$name(" "$root/ffi/include/keepstate.h" || { fail "$name is not in the header"; continue; }
    cat "$here"/*.c "$here"/*.h | grep -q "\\b$name(" || { fail "no test calls $name"; continue; }
  done
  for name in $(grep -o '\bks_[a-z0-9_]*(' "$root/ffi/include/keepstate.h" | tr -d '(' | sort -u); do
    echo "$names" | grep -qx "$name" || fail "the header states $name, which the library has not"
  done
  count=$(echo "$names" | wc -l)
  [ "$count" -gt 60 ] && pass || fail "only $count names are exported"
  objdump -p "$library/libkeepstate.so" | grep -q 'SONAME *libkeepstate.so.0' && pass || fail "the soname is missing"
}

[ $# -gt 0 ] || { exports; set -- misuse store timeline file codec vtable queue fork; }
for name in "$@"; do
  test_of "$name"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
