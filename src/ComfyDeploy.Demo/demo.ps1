# The main job, offline: nothing leaves this machine and nothing is billed. $emulator stands for the service, ten times as fast.

'What can be run:' | Out-Default
Get-ComfyDeployment -Environment production | Out-Default

'Seven rows of a table become runs, together; one cannot be queued:' | Out-Default
$rows = @(
    [pscustomobject]@{ shot = 'a1'; prompt = 'a red fox in the snow';          seed = '7' }
    [pscustomobject]@{ shot = 'a2'; prompt = 'an owl at dusk #multi';          seed = '11' }
    [pscustomobject]@{ shot = 'a3'; prompt = 'a heron #fail';                  seed = '13' }
    [pscustomobject]@{ shot = 'a4'; prompt = 'a lynx, long exposure #time=40'; seed = '17' }
    [pscustomobject]@{ shot = 'a5'; prompt = 'a badger';                       seed = 'nineteen' }
    [pscustomobject]@{ shot = 'a6'; prompt = 'an otter';                       seed = '23' }
    [pscustomobject]@{ shot = 'a7'; prompt = 'a wrong idea #stuck';            seed = '29' }
)
$runs = $rows | Start-ComfyRun -Deployment portrait -LabelColumn shot
$runs | Out-Default

'One of them is not wanted any more:' | Out-Default
$runs | Where-Object Label -EQ a7 | Stop-ComfyRun -PassThru | Out-Default

'Each comes out when it has finished:' | Out-Default
$done = $runs | Wait-ComfyRun -Timeout 5m
$done | Out-Default

'Why did some not succeed?' | Out-Default
foreach ($run in $done) {
    if (-not $run.IsSuccess) { "  $($run.Label): $($run.Status) $($run.Error)" | Out-Default }
}

$folder = [IO.Path]::Combine([IO.Path]::GetTempPath(), "ComfyDeploy-demo-$([guid]::NewGuid().ToString('N').Substring(0, 8))")
'', "The outputs, saved to ${folder}:" | Out-Default
$done | Where-Object IsSuccess | Save-ComfyRunOutput -Path $folder -NameTemplate '{Label}_{Index:00}_{FileName}' |
    ForEach-Object { "  $($_.Name), $($_.Length) bytes" } | Out-Default

'', 'A batch with a manifest, six rows and at most three runs in flight, in a process of its own:' | Out-Default
$manifest = [IO.Path]::Combine($folder, 'night.jsonl')
$before = $emulator.Runs.Count
$start = [Diagnostics.ProcessStartInfo]::new('dotnet')
$start.ArgumentList.Add([IO.Path]::Combine($PSScriptRoot, 'ComfyDeploy.Demo.dll'))
$start.ArgumentList.Add([IO.Path]::Combine($PSScriptRoot, 'batch.ps1'))
$start.Environment['COMFY_DEPLOY_BASE_URI'] = $emulator.BaseUri
$start.Environment['COMFY_DEPLOY_API_KEY'] = [Net.NetworkCredential]::new('', $emulator.ApiKey).Password
$start.Environment['COMFY_DEMO_FOLDER'] = $folder
$process = [Diagnostics.Process]::Start($start)
try {
    while (-not $process.WaitForExit(50) -and @($emulator.Runs[$before..1000] | Where-Object Status -EQ success).Count -lt 2) { }
} finally {
    $process.Kill()
    $process.WaitForExit()
}

'', 'The process was killed. Its manifest knows these runs:' | Out-Default
Get-ComfyRun -Manifest $manifest | Out-Default

'The same script again goes on, and queues no row twice:' | Out-Default
$process = [Diagnostics.Process]::Start($start)
$process.WaitForExit()
if ($process.ExitCode -ne 0) { throw "The batch ended with exit code $($process.ExitCode)." }
$rowCount = @(Get-ComfyRun -Manifest $manifest).Count
$fileCount = [IO.Directory]::GetFiles($folder, 'b*.png').Count
'', "  $rowCount rows, $($emulator.Runs.Count - $before) runs on the service, $fileCount files" | Out-Default
