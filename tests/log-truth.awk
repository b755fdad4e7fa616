# The work of log-truth: first file the trace, second the log.
#
# Each process has a list of the calls that it made and a list of the claims
# that it wrote; a claim remembers how many calls came before it. Nothing is compared
# until the end, so that calls may end in another order than they began.

BEGIN {
  for (i = 1; i < 256; i++) octal[sprintf("%03o", i)] = octal[sprintf("%o", i)] = sprintf("%c", i)
  for (i = 1; i < 256; i++) byte_of[sprintf("%c", i)] = i
  type_of["RTM_NEWLINK"] = "0x10"; type_of["RTM_DELLINK"] = "0x11"; type_of["RTM_NEWADDR"] = "0x14"; type_of["RTM_NEWROUTE"] = "0x18"
  escape["n"] = "\n"; escape["t"] = "\t"; escape["r"] = "\r"; escape["v"] = "\v"; escape["f"] = "\f"
  # What the C library calls by another name than the kernel does, here or on arm64.
  other_name["waitpid"] = "wait4"; other_name["open"] = "openat"; other_name["mknod"] = "mknodat"
  other_name["mkdir"] = "mkdirat"; other_name["rmdir"] = "unlinkat"; other_name["unlink"] = "unlinkat"
  other_name["symlink"] = "symlinkat"; other_name["chmod"] = "fchmodat"; other_name["pipe"] = "pipe2"
  other_name["signalfd"] = "signalfd4"; other_name["dup2"] = "dup3"; other_name["chown"] = "fchownat"
  other_name["rename"] = "renameat"; other_name["readlink"] = "readlinkat"; other_name["access"] = "faccessat"
  other_name["stat"] = other_name["lstat"] = "newfstatat"; other_name["poll"] = "ppoll"
}

FNR == 1 { file++ }

file == 2 {
  if ($0 ~ /^\[ns\] / && !(plain($0) in written))
    lie("the log has a line that no traced process wrote:\n    " $0)
  next
}

!/^[0-9]+ / { next }

{
  pid = $1
  line = $0
  sub(/^[0-9]+ +/, "", line)

  if (match(line, / *<unfinished \.\.\.>$/)) {
    unfinished[pid] = substr(line, 1, RSTART - 1)
    next
  }
  if (match(line, /^<\.\.\. [a-z_0-9]+ resumed>/)) {
    line = unfinished[pid] substr(line, RLENGTH + 1)
    delete unfinished[pid]
  }
  if (line !~ /^[a-z_0-9]+\(/) next # a signal, an exit
  if (line ~ /^socket\(AF_NETLINK, .*NETLINK_[A-Z_]+\) += [0-9]+<socket:\[[0-9]+\]>$/) {
    match(line, /NETLINK_[A-Z_]+\)/)
    name = substr(line, RSTART, RLENGTH - 1)
    match(line, /<socket:\[[0-9]+\]>$/)
    protocol[substr(line, RSTART, RLENGTH)] = name
  }
  if (line ~ /^write\([0-9]+(<[^"]*>)?, "\[ns\] /) take_log_lines(pid, line)
  else call[pid, ++calls[pid]] = line
}

function take_log_lines(pid, line,  text, count, part, i) {
  text = line
  sub(/^[^"]*"/, "", text)
  text = unescape(substr(text, 1, string_length(text)))
  count = split(text, part, "\n")
  for (i = 1; i <= count; i++) {
    if (part[i] == "") continue
    written[plain(part[i])] = 1
    if (claim_of(part[i]) == "") continue
    claim[pid, ++claims[pid]] = claim_of(part[i])
    before[pid, claims[pid]] = calls[pid] + 0
    is_pid[pid] = 1
  }
}

# A log line without the colours of a terminal.
function plain(text) {
  gsub(/\033\[[0-9;]*m/, "", text)
  return text
}

# The call that a log line names, "" if it is a remark.
function claim_of(text,  rest, found) {
  text = plain(text)
  sub(/^\[ns\] /, "", text)
  if (text ~ /^error: /) {
    if (!match(text, /: [a-z][a-z_0-9]*\(.*\) = -1 E[A-Z0-9]+/) &&
        !match(text, /: [a-z][a-z_0-9]*\(.*\) = [0-9]+, answered E[A-Z0-9]+/)) return ""
    return substr(text, RSTART + 2, RLENGTH - 2)
  }
  rest = text
  while (match(rest, /  [a-z][a-z_0-9]*\(/)) {
    found = substr(rest, RSTART + 2)
    if (found ~ /\)$/ || found ~ /\) = -?[0-9?][^"]*$/) return found
    rest = substr(rest, RSTART + 1)
  }
  return ""
}

END {
  for (pid in unfinished) call[pid, ++calls[pid]] = unfinished[pid] ") = ?"
  for (pid in is_pid)
    for (i = 1; i <= claims[pid]; i++) {
      checked++
      judge(pid, i)
    }
  if (!checked) lie("no log line names a call: nothing has been proved")
  if (lies) exit 1
  printf "%d calls in the log, every one as strace saw it\n", checked
}

function judge(pid, i,  text, blocks, from, to, k, refusal) {
  text = claim[pid, i]
  if (match(text, /, answered E[A-Z0-9]+$/)) {
    refusal = "error=-" substr(text, RSTART + 11) ","
    text = substr(text, 1, RSTART - 1)
  }
  blocks = text !~ /\) = -?[0-9?][^"]*$/
  if (blocks) {
    from = before[pid, i] + 1
    to = i < claims[pid] ? before[pid, i + 1] : calls[pid]
  } else {
    from = i > 1 ? before[pid, i - 1] + 1 : 1
    to = before[pid, i]
  }
  for (k = from; k <= to; k++)
    if (is_same(text, call[pid, k], blocks) && (!refusal || is_answered(pid, refusal, k, to))) return
  lie("process " pid " says:\n    " claim[pid, i] "\n  but " \
      (blocks ? "after that line" : "since its line before") " it made " calls_between(pid, from, to))
}

# Netlink: the call has worked, it is the answer, read later, that says no.
function is_answered(pid, refusal, k, to) {
  for (k++; k <= to; k++)
    if (call[pid, k] ~ /^recv(from|msg)\(/ && index(call[pid, k], refusal)) return 1
  return 0
}

function calls_between(pid, from, to,  text, k) {
  if (to < from) return "no call at all"
  text = "only:"
  if (to - from >= 12) { text = "(the last twelve):"; from = to - 11 }
  for (k = from; k <= to; k++) text = text "\n    " shortened(call[pid, k])
  return text
}

function shortened(text) {
  return length(text) > 200 ? substr(text, 1, 197) "..." : text
}

function lie(text) {
  lies++
  print "- " text
}

function name_of(text) {
  return substr(text, 1, index(text, "(") - 1)
}

function result_of(text) {
  if (!match(text, /\) +=  *[^"]*$/)) return "?"
  text = substr(text, RSTART, RLENGTH)
  sub(/^\) +=  */, "", text)
  # strace pads; its results may contain another ") = " only inside of strings, which have quotes.
  sub(/<.*/, "", text)
  return text
}

function is_same(claimed, made, blocks,  name, count, want, i, j, word, numbers) {
  name = name_of(claimed)
  if (name != name_of(made) && other_name[name] != name_of(made) && other_name[name_of(made)] != name) return 0
  if (!blocks && !is_same_result(result_of(claimed), result_of(made))) return 0

  if (made ~ /NLMSG_\?\?\?/) return is_in_bytes(claimed, made)
  take_apart(claimed)
  count = strings
  for (i = 1; i <= count; i++) want[i] = string[i]
  split("", numbers)
  for (i = 1; i <= words; i++) numbers[i] = part[i]
  numbers[0] = words

  take_apart(made)
  # Of a netlink socket the log names the protocol, strace -y only a number.
  if (match(made, /<socket:\[[0-9]+\]>/) && (substr(made, RSTART, RLENGTH) in protocol))
    part[++words] = protocol[substr(made, RSTART, RLENGTH)]
  j = 1
  for (i = 1; i <= count; i++) {
    while (j <= strings && !is_same_string(want[i], string[j], is_path[j])) j++
    if (j++ > strings) return 0
  }
  for (i = 1; i <= numbers[0]; i++) {
    word = numbers[i]
    for (j = 1; j <= words; j++) if (is_same_word(word, part[j])) break
    if (j > words) return 0
  }
  return 1
}

# Of a netlink socket in another network namespace than strace's own, strace shows
# types as numbers and all else as bytes. Then messages, texts and addresses are looked for; the
# names of attributes and flags can not be.
function is_in_bytes(claimed, made,  i, own) {
  if (!match(made, /<socket:\[[0-9]+\]>/)) return 0
  own = protocol[substr(made, RSTART, RLENGTH)]
  take_apart(claimed)
  for (i = 1; i <= words; i++) {
    if (part[i] ~ /^NETLINK_/ && part[i] != own) return 0
    if (part[i] ~ /^RTM_/ && index(made, "nlmsg_type=" type_of[part[i]] " ") == 0) return 0
  }
  for (i = 1; i <= strings; i++) if (index(made, in_hex(string[i])) == 0) return 0
  return 1
}

# As strace writes bytes: of an IPv4 address its four, of another text all.
function in_hex(text,  count, number_of, i, out) {
  out = ""
  count = split(text, number_of, ".")
  if (text ~ /^[0-9.]+$/ && count == 4)
    for (i = 1; i <= 4; i++) out = out sprintf("\\x%02x", number_of[i])
  else
    for (i = 1; i <= length(text); i++) out = out sprintf("\\x%02x", byte_of[substr(text, i, 1)])
  return out
}

# "-1 EPERM" against "-1 EPERM (Operation not permitted)", "3" against "3</path>".
function is_same_result(claimed, made,  a, b, count) {
  count = split(claimed, a, " ")
  split(made, b, " ")
  return a[1] == b[1] && (count < 2 || a[1] != "-1" || a[2] == b[2])
}

# A string may be cut short with an ellipsis. What strace shows for a descriptor
# is the path from where strace stands, which may be outside of the process's root.
function is_same_string(claimed, made, path) {
  if (claimed == made) return 1
  if (claimed ~ /(\.\.\.|\342\200\246)$/) {
    sub(/(\.\.\.|\342\200\246)$/, "", claimed)
    return index(made, claimed) == 1
  }
  if (!path) return 0
  if (made == "\001") return 1
  sub(/ ?\(deleted\)$/, "", made)
  sub(/^\/proc\/[0-9]+\//, "/proc/self/", made)
  sub(/^\/proc\/[0-9]+\//, "/proc/self/", claimed)
  return claimed == made || ends_with(made, "/" claimed) || ends_with(claimed, made) || ends_with(made, claimed)
}

function ends_with(text, tail) {
  return substr(tail, 1, 1) == "/" && length(text) > length(tail) && substr(text, length(text) - length(tail) + 1) == tail
}

# A flag may leave out its family: NOSUID for MS_NOSUID, and SIGTERM where strace says TERM.
function is_same_word(claimed, made) {
  if (claimed ~ /^[0-9]/ || made ~ /^[0-9]/) return number(claimed) == number(made)
  return claimed == made || ends_with("/" made, "/" claimed) || ends_with_word(made, claimed) || claimed == "SIG" made
}

function ends_with_word(text, tail) {
  tail = "_" tail
  return length(text) > length(tail) && substr(text, length(text) - length(tail) + 1) == tail
}

function number(text,  i, value, digit) {
  if (text ~ /^0[xX]/) {
    value = 0
    text = tolower(substr(text, 3))
    for (i = 1; i <= length(text); i++) {
      digit = index("0123456789abcdef", substr(text, i, 1))
      if (!digit) return text
      value = value * 16 + digit - 1
    }
    return value ""
  }
  sub(/^0+/, "", text)
  return text == "" ? "0" : text
}

# Sets string[1..strings], with is_path for what strace shows of a descriptor,
# and part[1..words]: the flags and the numbers of the arguments.
function take_apart(text,  rest, at, c, length_now, count, word, i) {
  strings = words = 0
  split("", string); split("", is_path); split("", part)
  text = substr(text, index(text, "("))
  if (match(text, /\) +=  *[^"]*$/)) text = substr(text, 1, RSTART)
  rest = ""
  # A capability is shown as 1<<CAP_CHOWN; that is no descriptor's path.
  if (text ~ /^\(\{version=_LINUX_CAPABILITY_/) gsub(/1<</, "", text)
  # Of a string that the kernel does not read, such as the type of a bind mount,
  # strace shows only where it stands. Any string may stand there.
  if (text ~ /^\("[^"]*", "[^"]*", 0x[0-9a-f]+, [A-Z_|]*MS_/) sub(/ 0x[0-9a-f]+,/, " <\001>,", text)
  # strace 6.1 does not know that one yet.
  if (text ~ /^\("[^"]*", MFD_/) sub(/\|0x10\)/, "|MFD_EXEC)", text)
  gsub(/<<8\|/, " ", text) # the subsystem of a netlink message, no descriptor
  while ((at = match(text, /["<]/)) > 0) {
    rest = rest substr(text, 1, at - 1) " "
    c = substr(text, at, 1)
    text = substr(text, at + 1)
    if (c == "\"") {
      length_now = string_length(text)
      string[++strings] = unescape(substr(text, 1, length_now))
    } else {
      length_now = index(text, ">") - 1
      if (length_now < 0) length_now = length(text)
      string[++strings] = substr(text, 1, length_now)
      is_path[strings] = 1
    }
    text = substr(text, length_now + 2)
  }
  rest = rest text
  gsub(/[^A-Za-z0-9_]+/, " ", rest)
  count = split(rest, word, " ")
  for (i = 1; i <= count; i++)
    if (word[i] ~ /^[A-Z][A-Z0-9_][A-Z0-9_]+$/ || word[i] ~ /^(0x)?[0-9a-f]*[0-9]$/ && word[i] ~ /^[0-9]/)
      part[++words] = word[i]
}

# How much of the text belongs to the string that it begins inside of.
function string_length(text,  at, skipped) {
  skipped = 0
  while ((at = match(text, /["\\]/)) > 0) {
    if (substr(text, at, 1) == "\"") return skipped + at - 1
    skipped += at + 1
    text = substr(text, at + 2)
  }
  return skipped + length(text)
}

function unescape(text,  out, at, c) {
  out = ""
  while ((at = index(text, "\\")) > 0) {
    out = out substr(text, 1, at - 1)
    text = substr(text, at + 1)
    # strace writes as few digits as it can, three where a digit follows.
    for (at = 3; at > 0 && !(substr(text, 1, at) in octal); at--) ;
    if (at > 0) {
      out = out octal[substr(text, 1, at)]
      text = substr(text, at + 1)
      continue
    }
    c = substr(text, 1, 1)
    out = out (c in escape ? escape[c] : c)
    text = substr(text, 2)
  }
  return out text
}
