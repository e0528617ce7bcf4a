<#
.SYNOPSIS
Measures the built module beside its peers, on one loopback server, in whole processes: ./tests/bench/run.ps1 [-Only List]
.DESCRIPTION
Needs pwsh, node and a built module (dotnet build src/ComfyDeploy -c Release). Times depend on the machine: compare the rows of one run only.
#>
param(
    [ValidateSet('List', 'One', 'Ids', 'Import')] [string[]] $Only = @('List', 'One', 'Ids', 'Import'),
    [int] $Runs = 100000,
    [int] $Rounds = 3
)

$ErrorActionPreference = 'Stop'
$root = (Resolve-Path "$PSScriptRoot/../..").Path
$module = "$root/out/ComfyDeploy/ComfyDeploy.psd1"
if (-not (Get-Command node -ErrorAction Ignore)) { throw 'node was not found: the server and one peer run on it.' }
if (-not (Test-Path $module)) { throw 'The module is not built: dotnet build src/ComfyDeploy -c Release' }
$pwsh = (Get-Process -Id $PID).Path
$key = 'bench-key'

$start = [System.Diagnostics.ProcessStartInfo]::new('node')
$start.ArgumentList.Add("$PSScriptRoot/server.js")
$start.ArgumentList.Add($Runs)
$start.RedirectStandardInput = $start.RedirectStandardOutput = $true
$server = [System.Diagnostics.Process]::Start($start)
$ready = $server.StandardOutput.ReadLine() | ConvertFrom-Json
$origin = "http://127.0.0.1:$($ready.port)"

# Sets the latency, and returns what was counted since the last call.
function Reset-Server([int] $Latency) { Invoke-RestMethod "$origin/bench?latency=$Latency" }

function Invoke-Ours([string] $What, [int] $Count) {
    & $pwsh -NoProfile -NonInteractive -File "$PSScriptRoot/measure.ps1" $What "$origin/api" $key $Count $module | ConvertFrom-Json
}

function Invoke-Node([string] $What, [int] $Count) { node "$PSScriptRoot/peer.js" $What "$origin/api" $key $Count | ConvertFrom-Json }

# The round with the least time: noise of the machine only adds.
function Measure-Best([string] $Name, [scriptblock] $Measure, [int] $Latency = 0, [int] $Times = $Rounds) {
    1..$Times | ForEach-Object {
        $null = Reset-Server $Latency
        $one = & $Measure
        $counted = Reset-Server 0
        [pscustomobject]@{
            Name = $Name; Result = $one.result; Seconds = [Math]::Round($one.seconds, 2)
            First = if ($one.first) { [Math]::Round($one.first, 2) }
            Cpu = [Math]::Round($one.cpu, 2)
            PeakMB = [Math]::Round($one.megabytes); Requests = $counted.requests; InFlight = $counted.most
        }
    } | Sort-Object Seconds | Select-Object -First 1
}

function Show([string] $Title, [object[]] $Rows) { "`n$Title"; $Rows | Format-Table -AutoSize | Out-String | ForEach-Object Trim }

try {
    if ('List' -in $Only) {
        Show "List $Runs runs ($($ready.megabytes) MB), streamed" @(
            Measure-Best 'Get-ComfyRun' { Invoke-Ours ours-list }
            Measure-Best 'Get-ComfyRun, 80 ms latency' { Invoke-Ours ours-list } 80 1
            Measure-Best 'Invoke-RestMethod, pages of 1000' { Invoke-Ours rest-list } 0 1
            Measure-Best 'node fetch, pages of 1000' { Invoke-Node list }
            Measure-Best 'an empty pipeline' { Invoke-Ours empty-pipeline $Runs }
        )
    }
    if ('One' -in $Only) {
        Show 'Read one run, warm (median, ms)' @(
            $peers = [ordered]@{
                'Get-ComfyRun' = { Invoke-Ours ours-one 4000 }
                'Invoke-RestMethod' = { Invoke-Ours rest-one 4000 }
                'node fetch' = { Invoke-Node one 4000 }
            }
            foreach ($name in $peers.Keys) {
                $best = 1..$Rounds | ForEach-Object { & $peers[$name] } | Sort-Object result | Select-Object -First 1
                [pscustomobject]@{ Name = $name; Milliseconds = [Math]::Round($best.result, 3); CpuSeconds = [Math]::Round($best.cpu, 2) }
            })
    }
    if ('Ids' -in $Only) {
        Show '1000 IDs piped, 80 ms latency (one by one: 80 s)' @(Measure-Best 'Get-ComfyRun' { Invoke-Ours ours-ids 1000 } 80 1)
    }
    if ('Import' -in $Only) {
        $empty = Join-Path ([System.IO.Path]::GetTempPath()) "bench-$([guid]::NewGuid())"
        $null = New-Item -ItemType Directory $empty
        try {
            Add-Type -OutputAssembly "$empty/Empty.dll" -TypeDefinition @'
                using System.Management.Automation;
                [Cmdlet(VerbsCommon.Get, "Nothing")] public class GetNothing : Cmdlet { }
'@
            $modules = [ordered]@{ ComfyDeploy = $module; 'Microsoft.PowerShell.PlatyPS' = 'Microsoft.PowerShell.PlatyPS'; 'an empty binary module' = "$empty/Empty.dll" }
            Show 'Import-Module in a fresh process (median of 9, ms)' @(
                foreach ($name in $modules.Keys) {
                    if ($name -like '*PlatyPS' -and -not (Get-Module -ListAvailable $name)) {
                        [pscustomobject]@{ Name = "$name is not installed"; Milliseconds = $null }
                        continue
                    }
                    $times = foreach ($i in 1..9) {
                        [double](& $pwsh -NoProfile -NonInteractive -Command "`$w = [Diagnostics.Stopwatch]::StartNew(); Import-Module '$($modules[$name])'; `$w.Elapsed.TotalMilliseconds.ToString([cultureinfo]::InvariantCulture)")
                    }
                    [pscustomobject]@{ Name = $name; Milliseconds = [Math]::Round(($times | Sort-Object)[4], 1) }
                })
        } finally { Remove-Item -Recurse $empty }
    }
} finally {
    $server.StandardInput.Close()
    $server.WaitForExit()
}
