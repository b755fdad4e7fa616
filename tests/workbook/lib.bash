# What the tools of the workbook share. Sourced by each; bash 4.4, coreutils, awk and sed suffice.
#
# WORKBOOK names the workbook to work on (default: the one that this file is in).
# shellcheck shell=bash disable=SC2034 # the names set here are read by the tools

set -u
shopt -s extglob nullglob
export LC_ALL=C # bytes in, bytes out: a pattern must not depend on the locale

tools=$(realpath "${BASH_SOURCE[0]%/*}")
workbook=$(realpath -e "${WORKBOOK:-$tools/../..}") || exit 2
newline=$'\n'

bold='' dim='' red='' green='' reset=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' reset=$'\e[m'
fi

die() {
  echo "${0##*/}: $*" >&2
  exit 2
}

# usage: the comment that a tool begins with.
usage() {
  sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
}

usage_error() {
  usage >&2
  exit 2
}

# --- what is in the workbook ------------------------------------------------

# md_files DEFAULT… -- FILE…: sets files, relative to the workbook, and goes there.
md_files() {
  local defaults=() file
  for (( ; $#; )); do
    [[ $1 == -- ]] && { shift; break; }
    defaults+=("$1")
    shift
  done
  files=()
  for file; do
    file=$(realpath -e --relative-to="$workbook" -- "$file") || exit 2
    files+=("$file")
  done
  cd "$workbook" || exit 2
  (($#)) && return
  # shellcheck disable=SC2068 # the defaults are patterns
  for file in ${defaults[@]}; do
    [[ -f $file ]] && files+=("$file")
  done
}

# step_named NN: goes to the workbook, sets number (01) and step (01-uts).
step_named() {
  local found
  cd "$workbook" || exit 2
  [[ $1 =~ ^(steps/)?0*([0-9]{1,2})(-[a-z0-9-]+/?)?$ ]] || die "$1 is not the number of a step"
  printf -v number %02d "${BASH_REMATCH[2]}"
  found=(steps/"$number"-*/main.c)
  ((${#found[@]} == 1)) || die "there is no step $number here (steps/$number-*/main.c)"
  step=${found[0]#steps/}
  step=${step%/main.c}
}

# step_numbers [NN…]: those, or all that there are.
step_numbers() {
  local main
  (($#)) && { printf '%s\n' "$@"; return; }
  for main in "$workbook"/steps/[0-9][0-9]-*/main.c; do
    main=${main#"$workbook"/steps/}
    echo "${main%%-*}"
  done
}

# field FILE KEY [K]: the Kth value of a key. What follows on lines that begin with two spaces belongs to it.
field() {
  awk -v key="$2:" -v k="${3:-1}" '
    /^(--- |diff )/ { exit }
    /^(  |$)/ { if (on) print substr($0, 3); next }
    { on = $1 == key && ++n == k }
    on { sub(/^[^:]*:[ \t]*/, ""); print }' "$1"
}

# keys FILE: the keys in it, in order.
keys() {
  awk '/^(--- |diff )/ { exit } /^[^ ]/ { sub(/:.*/, ""); print }' "$1"
}

# regions FILE: the names between //> and the end of the line.
regions() {
  sed -nE 's,^[[:space:]]*//> *([^ ]+)[[:space:]]*$,\1,p' "$1"
}

# exercise_sources: main.c, and what else has regions: of the step's own files, and of the floors that are too large to
# stand in the step that teaches them as well.
exercise_sources() {
  local file floor files=(steps/"$step"/*.c)
  for floor in common/runtime common/image; do
    grep -qF "taught in: step $number," "$floor"/*.h /dev/null && files+=("$floor"/*.c)
  done
  echo "steps/$step/main.c"
  for file in "${files[@]}"; do
    [[ $file == */main.c || -z $(regions "$file") ]] || echo "$file"
  done
}

# region_source NAME: the file that has the region; main.c where none has.
region_source() {
  local file
  while read -r file; do
    regions "$file" | grep -qxF -- "$1" && { echo "$file"; return; }
  done < <(exercise_sources)
  echo "steps/$step/main.c"
}

# step_regions: the names of all regions of the step.
step_regions() {
  local file
  while read -r file; do
    regions "$file"
  done < <(exercise_sources)
}

# patched_file PATCH: the file that the patch is for: the step's, or of common/runtime or common/image.
patched_file() {
  local path
  path=$(sed -n '/^--- /{ s,^--- a/\([a-z_0-9/-]*\.c\).*,\1,p; q; }' "$1")
  [[ ${path%/*} == @("steps/$step"|common/runtime|common/image) ]] && echo "$path"
}

# step_tests: the names of the step's tests, in all its files.
step_tests() {
  sed -nE "s/^@test ([\"'])(.*)\1 \{\$/\2/p" tests/steps/"$number"-*.bats
}

# wrap WIDTH: fills paragraphs; a line that begins with a space stays as it is.
wrap() {
  awk -v width="$1" '
    function flush() { if (line != "") print line; line = "" }
    /^( |$)/ { flush(); print; next }
    { for (i = 1; i <= NF; i++)
        if (line == "") line = $i
        else if (length(line) + 1 + length($i) <= width) line = line " " $i
        else { print line; line = $i } }
    END { flush() }'
}

# blocks FILE LANGUAGE: the fenced code blocks of a language, as "LINE@the rest of the info string"
# followed by one "LINE:text" a line. The indentation of the fence is taken off.
blocks() {
  awk -v language="$2" '
    !fence && match($0, /^[ \t]*(````*|~~~~*)/) {
      match($0, /[`~]/); indent = RSTART - 1
      fence = substr($0, RSTART); sub(/[^`~].*/, "", fence)
      info = substr($0, indent + length(fence) + 1)
      split(info, word); wanted = word[1] == language
      sub(/^[ \t]*[^ \t]*[ \t]*/, "", info)
      if (wanted) print NR "@" info
      next
    }
    fence && index($0, fence) && $0 ~ /^[ \t]*[`~]*[ \t]*$/ { fence = ""; next }
    fence && wanted {
      for (text = $0; n < indent && text ~ /^[ \t]/; n++) text = substr(text, 2)
      n = 0; print NR ":" text
    }' "$1"
}

# prose FILE: the file with its fenced blocks blanked, so that line numbers stay.
prose() {
  awk '
    !fence && match($0, /^[ \t]*(````*|~~~~*)/) {
      fence = $0; sub(/^[ \t]*/, "", fence); sub(/[^`~].*/, "", fence); print ""; next
    }
    fence { if (index($0, fence) && $0 ~ /^[ \t]*[`~]*[ \t]*$/) fence = ""; print ""; next }
    { print }' "$1"
}

# --- TAP ----------------------------------------------------------------------

tap_count=0 tap_failures=0

tap_ok() {
  echo "${green}ok$reset $((++tap_count)) - $1"
}

# tap_not_ok DESCRIPTION [WHY…]: each WHY may have several lines.
tap_not_ok() {
  echo "${red}not ok$reset $((++tap_count)) - $1"
  tap_failures=$((tap_failures + 1))
  shift
  (($# == 0)) || tap_say "$@"
}

tap_skip() {
  echo "ok $((++tap_count)) - $1 # skip $2"
}

tap_say() {
  printf '%s\n' "$@" | sed 's/^/#   /'
}

# tap_verdict DESCRIPTION [WHY…]: good if there is nothing to complain of.
tap_verdict() {
  if (($# == 1)); then tap_ok "$1"; else tap_not_ok "$@"; fi
}

tap_end() {
  echo "1..$tap_count"
  exit $((tap_failures > 0))
}

# --- the step's own tests -----------------------------------------------------

# Nothing tells a person more than the line to type.
need_bats() {
  command -v bats >/dev/null && return
  die "the checks need bats: apt install bats | dnf install bats | pacman -S bash-bats | apk add bats
  | https://bats-core.readthedocs.io/en/stable/installation.html"
}

# What bats says of itself, where we want what the test says.
bats_itself='^# {1,2}\(?(from function |in (test )?file )|^#   `.*. failed( with status [0-9]+)?(, expected .*)?$'

# run_bats PROGRAM [TEST…]: runs on a program those tests of the step, or all but those of files that are
# tagged thorough, for which a student does not want to wait. Sets by test name result (ok, not ok, skip)
# and said (the message of the assertion, the reason of the skip).
run_bats() {
  local only=() files=(tests/steps/"$number"-*.bats) row name='' test
  for test in "${@:2}"; do
    name+="|$(quoted "$test")"
  done
  if [[ $name ]]; then
    only=(--filter "^(${name#|})\$")
  else # (bats before 1.8 does not know tags)
    mapfile -t files < <(grep -L '^# bats file_tags=.*thorough' "${files[@]}")
  fi
  name=''
  declare -gA result=() said=()
  bats_output=$(
    limit=${BATS_TEST_TIMEOUT:-120} # seconds; to hang is a result too
    unset "${!BATS_@}"              # bats may run us
    STEP=$1 BATS_TEST_TIMEOUT=$limit bats --tap "${only[@]}" "${files[@]}" 2>&1 </dev/null
  )
  while IFS= read -r row; do
    if [[ $row =~ ^(ok|not\ ok)\ [0-9]+\ (- )?(.*)$ ]]; then
      name=${BASH_REMATCH[3]}
      case $name in
        *' # skip'*) set_result skip "${name%% # skip*}" "${name#* # skip}" ;;
        *' # timeout'*) set_result 'not ok' "${name%% # timeout*}" "it hangs: ${name#* # }" ;;
        *) set_result "${BASH_REMATCH[1]}" "$name" ;;
      esac
    elif [[ $name && $row == '#'* && ! $row =~ $bats_itself ]]; then
      row=${row#'#'}
      said[$name]+=${said[$name]:+$newline}${row#' '}
    fi
  done <<<"$bats_output"
}

set_result() { # set_result RESULT NAME [WHY]: for run_bats
  name=$2
  result[$name]=$1 said[$name]=${3-}
  said[$name]=${said[$name]##*( )}
}

# quoted TEXT: a regular expression that it alone matches.
quoted() {
  local text=$1 special
  for special in \\ '[' ']' . '*' ^ '$' + '?' '(' ')' '{' '}' '|'; do
    text=${text//"$special"/"\\$special"}
  done
  printf '%s\n' "$text"
}
