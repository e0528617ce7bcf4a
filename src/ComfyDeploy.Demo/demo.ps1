# The main job, offline: nothing leaves this machine and nothing is billed. $emulator stands for the service, ten times as fast.

'What can be run:' | Out-Default
Get-ComfyDeployment -Environment production | Out-Default

'Six rows of a table become six runs, together:' | Out-Default
$rows = @(
    [pscustomobject]@{ shot = 'a1'; prompt = 'a red fox in the snow';       seed = '7' }
    [pscustomobject]@{ shot = 'a2'; prompt = 'an owl at dusk';              seed = '11' }
    [pscustomobject]@{ shot = 'a3'; prompt = 'a heron #fail';               seed = '13' }
    [pscustomobject]@{ shot = 'a4'; prompt = 'a lynx, long exposure #time=60'; seed = '17' }
    [pscustomobject]@{ shot = 'a5'; prompt = 'a badger';                    seed = 'nineteen' }
    [pscustomobject]@{ shot = 'a6'; prompt = 'an otter';                    seed = '23' }
)
$runs = $rows | Start-ComfyRun -Deployment portrait -LabelColumn shot
$runs | Out-Default

'Each comes out when it has finished:' | Out-Default
$done = $runs | Wait-ComfyRun -Timeout 5m
$done | Out-Default

'Why did they not succeed?' | Out-Default
foreach ($run in $done) {
    if (-not $run.IsSuccess) { "  $($run.Label): $($run.Status): $($run.Error)" | Out-Default }
}
