#!/usr/bin/env bash
# texts.sh PREFIX: the installed command runs; its manual page and completions are well-formed, and name every command and
# option that --help shows.
set -euo pipefail
prefix=$1
command=$prefix/bin/lamella
share=$prefix/share
manual=$share/man/man1/lamella.1
"$command" --version

fail() {
  echo "texts.sh: $*"
  exit 1
}

if command -v groff > /dev/null; then
  complaints=$(groff -man -Tutf8 -ww -z "$manual" 2>&1)
  [[ -z $complaints ]] || fail "groff: $complaints"
fi
bash -n "$share/bash-completion/completions/lamella"
if command -v zsh > /dev/null; then zsh -n "$share/zsh/site-functions/_lamella"; fi
if command -v fish > /dev/null; then fish -n "$share/fish/vendor_completions.d/lamella.fish"; fi

# complete WORDS...: what bash proposes for the last word.
source "$share/bash-completion/completions/lamella"
files=yes
compopt() { [[ $* != '+o default' ]] || files=no; } # a builtin of completions that are under way
complete_words() {
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMPREPLY=()
  _lamella
  printf '%s\n' "${COMPREPLY[@]}"
}

# Option names of a --help, the first column of its lists.
options_in() { sed -n 's/^  \(-[^ ]*\).*/\1/p' | tr ',' '\n' | sed 's/[{=[].*//'; }

# The first column of the list of commands.
commands=$("$command" --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
[[ $(wc -w <<< "$commands") -ge 10 ]] || fail "--help lists the commands: $commands"
for one in $commands; do
  grep -qx "$one" <<< "$(complete_words lamella '')" || fail "bash does not propose the command $one"
  grep -q "^\.SS \"lamella $one\"$" "$manual" || fail "the manual page has no command $one"
  grep -q "__fish_use_subcommand -a $one " "$share/fish/vendor_completions.d/lamella.fish" || fail "fish: no $one"
  section=$(sed -n "/^\.SS \"lamella $one\"$/,/^\.S[SH] /p" "$manual" | sed 's/\\-/-/g')
  zsh_section=$(sed -n "/^    $one)$/,/^      ;;$/p" "$share/zsh/site-functions/_lamella")
  options=$("$command" "$one" --help | options_in)
  [[ -n $options ]] || fail "lamella $one --help shows no option"
  for option in $options; do
    grep -qx -- "$option" <<< "$(complete_words lamella "$one" -)" || fail "bash does not propose $option of $one"
    grep -qF -- "\\fB$option\\fR" <<< "$section" || fail "the manual page of $one has no $option"
    grep -qF -- "'$option" <<< "$zsh_section" || fail "zsh does not know $option of $one"
    flag="-s ${option#-}"
    if [[ $option == --* ]]; then flag="-l ${option#--}"; fi
    grep -F -- "__fish_seen_subcommand_from $one'" "$share/fish/vendor_completions.d/lamella.fish" |
      grep -qF -- " $flag " || fail "fish does not know $option of $one"
  done
done
[[ $(complete_words lamella run --prec) == --precision ]] || fail "bash does not complete --prec"
complete_words lamella run --output '' > /dev/null
[[ $files == yes ]] || fail "bash proposes no files for --output"
complete_words lamella run --threads '' > /dev/null
[[ $files == no ]] || fail "bash proposes files for --threads"
