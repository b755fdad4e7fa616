# Sourced by test-vm and shell: what of the workbook goes into the machine.
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is used there

complain() { echo "${0##*/}: $*" >&2; exit 125; }

top=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
case $(uname -m) in aarch64) host_arch=arm64 ;; *) host_arch=amd64 ;; esac
case ${ARCH:=$host_arch} in aarch64) arch=arm64 ;; x86_64) arch=amd64 ;; *) arch=$ARCH ;; esac

# Sets shares, options for vm-run, and prepare, a command to be run first in the machine.
choose_workbook() {
  local made programs=${STATIC_DIR:-} copies
  [ -n "$programs" ] || [ "$arch" != "$host_arch" ] || programs=$top/build/static
  shares=(--share "$top" --exclude ./.git --exclude ./build/test-vm) prepare=true

  # The machine's C library is Debian 12's: static programs run there wherever they were built.
  copies=$(mktemp -d "${TMPDIR:-/tmp}/vm-programs.XXXXXX")
  # shellcheck disable=SC2064 # its value now
  trap "rm -rf '$copies'" EXIT
  if compgen -G "$programs/step-[0-9][0-9]" >/dev/null; then
    cp -p "$programs"/step-[0-9][0-9] "$copies"
    shares+=(--share "$copies")
    # What archives' tests run would take minutes to compile in there.
    if cp -p "$programs/obj/tests/image/tool" "$copies/image-tool" 2>/dev/null; then
      prepare='export IMAGE_TOOL=/workbook/image-tool'
    fi
  elif [ -n "${STATIC_DIR:-}" ]; then
    complain "there are no programs step-NN in STATIC_DIR=$STATIC_DIR"
  elif [ "$arch" != "$host_arch" ]; then
    complain "ARCH=$arch needs programs for it: set STATIC_DIR"
  elif compgen -G "$top/step-[0-9][0-9]" >/dev/null; then
    echo "${0##*/}: no static programs in build/static: taking the dynamic ones" >&2
  else
    complain "the workbook is not built: run make static rootfs"
  fi

  # Of all that was made, only the default root file system; and where that is for
  # another machine, or is not there, one is made in the machine.
  for made in "$top"/build/* "$top"/build/rootfs/*; do
    case ${made#"$top"/} in
      build/rootfs | build/rootfs/default) ;;
      *) shares+=(--exclude "./${made#"$top"/}") ;;
    esac
  done
  if [ "$arch" != "$host_arch" ] || [ ! -d "$top/build/rootfs/default" ]; then
    shares+=(--exclude ./build/rootfs)
    prepare+=' && rootfs/default build/rootfs/default'
  fi
}
