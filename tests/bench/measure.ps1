# One measurement in a process of its own. Prints one line of JSON.
param([string] $What, [string] $Base, [string] $Key, [int] $Count, [string] $Module)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$workflow = '00000020-0000-4000-8000-000000000020'
$id = '00000001-0000-4000-8000-000000000001'
$headers = @{ Authorization = "Bearer $Key" }
if ($What -like 'ours-*') {
    Import-Module $Module
    Connect-ComfyDeploy -ApiKey (ConvertTo-SecureString $Key -AsPlainText) -BaseUri $Base -SkipCheck
}

function Measure-Median([scriptblock] $Read) {
    $times = foreach ($i in 1..$Count) {
        $watch = [System.Diagnostics.Stopwatch]::StartNew()
        $null = & $Read
        $watch.Elapsed.TotalMilliseconds
    }
    # The first half is for the just-in-time compiler.
    ($times | Select-Object -Skip ($Count / 2) | Sort-Object)[$Count / 4]
}

$process = Get-Process -Id $PID
$before = $process.TotalProcessorTime
$watch = [System.Diagnostics.Stopwatch]::StartNew()
$first = $null
$result = switch ($What) {
    'ours-list' {
        $seen = 0
        Get-ComfyRun -Workflow $workflow | ForEach-Object { if ($seen++ -eq 0) { $first = $watch.Elapsed.TotalSeconds } }
        $seen
    }
    'rest-list' {
        $seen = 0
        for ($offset = 0; ; $offset += 1000) {
            $page = Invoke-RestMethod "$Base/v2/workflow/$workflow/runs?limit=1000&offset=$offset" -Headers $headers
            $page | ForEach-Object { $seen++ }
            if ($page.Count -lt 1000) { break }
        }
        $seen
    }
    'empty-pipeline' {
        $seen = 0
        1..$Count | ForEach-Object { $seen++ }
        $seen
    }
    'ours-one' { Measure-Median { Get-ComfyRun $id } }
    'rest-one' { Measure-Median { Invoke-RestMethod "$Base/run/$id`?queue_position=true" -Headers $headers } }
    'ours-ids' {
        $ids = 1..$Count | ForEach-Object { '{0:x8}-0000-4000-8000-000000000001' -f $_ }
        $watch.Restart()
        $found = @($ids | Get-ComfyRun)
        # The order is that of the input.
        if (Compare-Object $found.RunId $ids -SyncWindow 0) { throw 'The order is not that of the input.' }
        $found.Count
    }
}
$seconds = $watch.Elapsed.TotalSeconds
$process.Refresh()
@{
    result = $result
    seconds = $seconds
    first = $first
    cpu = ($process.TotalProcessorTime - $before).TotalSeconds
    megabytes = $process.PeakWorkingSet64 / 1MB
} | ConvertTo-Json -Compress
