# Reads what strace -f -y -o wrote and prints the set-up calls among it as
# WHO:CALL:NUMBER[:PATH], see faults.bash. The process that comes first is the
# parent, the others are children. Set-up ends with the last execve: the command.

BEGIN {
  count = split(wanted, name, ",")
  for (i = 1; i <= count; i++) is_wanted[name[i]] = 1
}

{
  pid = $1
  line = $0
  sub(/^[0-9]+ +/, "", line)
  if (parent == "") {
    parent = pid
    next # the execve of the step itself
  }
  # A call that the kernel begins again by itself, as a write to ip_forward while others
  # change networks, is one call, however often.
  if (line ~ /= \? ERESTART/) {
    if (line ~ /^</) uncount(pid)
    next
  }
  # Of a call that another interrupted, the first half has the arguments, which is all that matters.
  if (line !~ /^[a-z_0-9]+\(/) next
  call = substr(line, 1, index(line, "(") - 1)
  if (call == "execve" && pid != parent && line ~ /(= 0|<unfinished \.\.\.>)$/) set_up = words

  path = path_of(line)
  # Strace counts all calls of a name, or with -P those on a path. A name made
  # up anew for each run, as a cgroup has, is of no use to -P.
  raw = path
  if (path !~ /^\// || is_random(path)) path = ""
  plain = ++made[pid, call]
  number = path == "" ? plain : ++made_on[pid, call, path]
  last_call[pid] = call
  last_path[pid] = path
  if (!(call in is_wanted) || is_start_up(path)) next
  if (pid == parent) remember("parent")
  else if (number > (path == "" ? made[parent, call] : made_on[parent, call, path])) remember("child")
}

END {
  for (i = 1; i <= set_up; i++) print word[i]
}

function uncount(pid) {
  made[pid, last_call[pid]]--
  if (last_path[pid] != "") made_on[pid, last_call[pid], last_path[pid]]--
}

function remember(who,  text) {
  text = who ":" call ":" number (path == "" ? "" : ":" path)
  if (text in known) return
  known[text] = 1
  word[++words] = text
}

# Has it a name of eight hexadecimal digits or more, or a process's number?
function is_random(path,  count, component, i) {
  if (path ~ /^\/proc\/[0-9]+(\/|$)/) return 1
  count = split(path, component, "/")
  for (i = 1; i <= count; i++)
    if (length(component[i]) >= 8 && component[i] ~ /^[0-9a-f]+$/) return 1
  return 0
}

# The loader's and the C library's work, and the descriptors that the test itself opened.
function is_start_up(path) {
  return path ~ /\/ld\.so\.|\.so(\.[0-9]+)*$/ || of_descriptor && (raw !~ /^\// || raw ~ /^\/dev\/(null|tty|pts)/)
}

# The first path that the call names: a string, or a descriptor's as -y shows it.
function path_of(line,  arguments, start, end) {
  arguments = substr(line, index(line, "("))
  of_descriptor = match(arguments, /^\([0-9]+<[^>]*>/)
  if (of_descriptor) {
    start = index(arguments, "<")
    return substr(arguments, start + 1, RLENGTH - start - 1)
  }
  while ((start = index(arguments, "\"")) > 0) {
    arguments = substr(arguments, start + 1)
    end = index(arguments, "\"")
    if (end == 0) return ""
    if (substr(arguments, 1, 1) == "/") return substr(arguments, 1, end - 1)
    arguments = substr(arguments, end + 1)
  }
  return ""
}
