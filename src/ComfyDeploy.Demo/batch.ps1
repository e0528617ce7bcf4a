# The batch at the end of the demo, in a process of its own, which the demo kills. The demo passes the URL, the key, and a folder in the
# environment, so the emulator that every script of this program gets is not used.
$folder = $env:COMFY_DEMO_FOLDER
if (-not $folder) { throw 'Only the demo starts this script.' }
Disconnect-ComfyDeploy emulator

1..6 | ForEach-Object { [pscustomobject]@{ shot = "b$_"; prompt = "a fox in picture $_"; seed = $_ } } |
    Start-ComfyRun portrait -LabelColumn shot -MaxInFlight 3 -Manifest ([IO.Path]::Combine($folder, 'night.jsonl')) |
    Wait-ComfyRun -Timeout 5m |
    Save-ComfyRunOutput $folder -NameTemplate '{Label}{Extension}' |
    ForEach-Object { "  $($_.Name) is saved" } | Out-Default
