# Completion of signetd for fish.
set -l commands serve check doctor routes openapi backup restore hook mcp version token api-key password help
complete -c signetd -f
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a serve -d 'Run the daemon in the foreground'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a check -d 'Look at the config and the database'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a doctor -d 'Look closer, and count odd values'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a routes -d 'List every route'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a openapi -d 'Print the API described in OpenAPI 3.1'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a backup -d 'Copy the workspace into a folder'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a restore -d 'Put a backup in the place of the workspace'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a hook -d 'What a harness calls'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a mcp -d 'The memory as tools over standard input and output'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a version -d 'Print the version'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a token -d 'Make a signed token'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a api-key -d 'Make, list and revoke keys'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a password -d 'Hash a password'
complete -c signetd -n "not __fish_seen_subcommand_from $commands" -a help -d 'Print a help text'
complete -c signetd -l workspace -r -a '(__fish_complete_directories)' -d 'The workspace folder'
complete -c signetd -l port -x -d 'The port to listen on'
complete -c signetd -l bind -x -d 'The address to listen on'
complete -c signetd -s h -l help -d 'Print a help text'
complete -c signetd -s V -l version -d 'Print the version'
complete -c signetd -n '__fish_seen_subcommand_from backup restore' -a '(__fish_complete_directories)'
complete -c signetd -n '__fish_seen_subcommand_from backup' -l keep -x -d 'How many stay'
complete -c signetd -n '__fish_seen_subcommand_from restore' -l force -d 'Move aside what is there'
complete -c signetd -n '__fish_seen_subcommand_from restore' -l check -d 'Only look'
complete -c signetd -n '__fish_seen_subcommand_from hook' -a 'claude-code codex opencode'
complete -c signetd -n '__fish_seen_subcommand_from hook' -a 'session-start user-prompt-submit pre-compact post-compact stop session-end'
complete -c signetd -n '__fish_seen_subcommand_from mcp' -l url -x -d 'The daemon'
complete -c signetd -n '__fish_seen_subcommand_from mcp' -l api-key -x -d 'The credential'
complete -c signetd -n '__fish_seen_subcommand_from token' -a create
complete -c signetd -n '__fish_seen_subcommand_from api-key' -a 'create list revoke'
complete -c signetd -n '__fish_seen_subcommand_from password' -a hash
complete -c signetd -n '__fish_seen_subcommand_from token api-key' -l role -x -a 'admin operator agent readonly'
complete -c signetd -n '__fish_seen_subcommand_from token api-key' -l project -x
complete -c signetd -n '__fish_seen_subcommand_from token api-key' -l agent -x
complete -c signetd -n '__fish_seen_subcommand_from token' -l ttl -x -d 'How long it holds'
complete -c signetd -n '__fish_seen_subcommand_from api-key' -l name -x
complete -c signetd -n '__fish_seen_subcommand_from api-key' -l connector -x
complete -c signetd -n '__fish_seen_subcommand_from api-key' -l permissions -x
complete -c signetd -n '__fish_seen_subcommand_from api-key' -l expires -x
