#Requires -Version 7.4

BeforeAll { . $PSScriptRoot/common.ps1 }

AfterAll { Clear-TestState }

Describe 'A wait whose output goes to a file' {
    BeforeAll {
        # One line of JSON reports the output of a separate process.
        $prelude = @'
$emulator = Start-ComfyEmulator -Connect -Speed 4
function Show-Line([object[]] $Record) { $Record | Where-Object { $_ -is [System.Management.Automation.InformationRecord] } }
'@
        function Invoke-Wait([string] $Script) { (Invoke-ChildPwsh "$prelude`n$Script").Output | ConvertFrom-Json }
    }

    It 'writes each change of each of a few runs, with the complete ID, to the information stream' {
        $result = Invoke-Wait @'
$runs = 'a', 'b #fail' | Start-ComfyRun portrait -InputName prompt
$records = Show-Line ($runs | Wait-ComfyRun 6>&1)
@{ ids = $runs.RunId; lines = @($records.MessageData | ForEach-Object { "$_" }); tags = @($records[0].Tags) } | ConvertTo-Json -Depth 5
'@
        $result.tags | Should -Be 'ComfyRun'
        # The last line is of the whole batch.
        $result.lines | Select-Object -SkipLast 1 | ForEach-Object { $_ | Should -Match '^\d\d:\d\d:\d\d [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} \S+' }
        @($result.lines -match "$($result.ids[0]) success \d+ s, 1 output$").Count | Should -Be 1
        @($result.lines -match "$($result.ids[1]) failed \d+ s, \w+: CUDA out of memory").Count | Should -Be 1
    }

    It 'shows them on request' {
        (Invoke-ChildPwsh "$prelude`n`$null = Start-ComfyRun portrait @{ prompt = 'a' } | Wait-ComfyRun -InformationAction Continue").Output | Should -Match '\d\d:\d\d:\d\d [0-9a-f-]{36} success'
    }

    It 'leaves standard output to the objects' {
        $json = (Invoke-ChildPwsh "$prelude`n1..2 | Start-ComfyRun portrait -InputName prompt -Wait | ConvertTo-Json -Depth 3").Output | ConvertFrom-Json
        $json.Status | Should -Be 'success', 'success'
    }

    It 'writes only the failures of many runs' {
        $result = Invoke-Wait @'
$runs = (1..11 | ForEach-Object { $_ -eq 3 ? 'x #fail #fast' : 'x #fast' }) | Start-ComfyRun portrait -InputName prompt
$records = Show-Line ($runs | Wait-ComfyRun 6>&1)
@{ failed = $runs[2].RunId; lines = @($records.MessageData | ForEach-Object { "$_" }) } | ConvertTo-Json -Depth 5
'@
        @($result.lines -match " success ").Count | Should -Be 0
        @($result.lines -match "$($result.failed) failed ").Count | Should -BeLessOrEqual 1
    }

    It 'ends a batch with one line on the information stream' {
        $result = Invoke-Wait @'
$runs = 'a', '#fail' | Start-ComfyRun portrait -InputName prompt
$emulator.Advance('01:00:00')
$records = Show-Line ($runs | Wait-ComfyRun 6>&1)
@{ lines = @($records.MessageData | ForEach-Object { "$_" }); tags = @($records[-1].Tags) } | ConvertTo-Json
'@
        $result.tags | Should -Be 'ComfyRun'
        $result.lines[-1] | Should -Match '^2 runs: 1 ok, 1 failed, [\d.]+s, estimated cost 0\.\d+ USD$'
    }

    It 'writes nothing for a short wait' {
        $result = Invoke-Wait @'
$run = Start-ComfyRun portrait @{ prompt = 'a' }
$emulator.Advance('01:00:00')
# By its ID: a run that this session has only just queued is first looked at after two seconds.
$all = @($run.RunId | Wait-ComfyRun 6>&1)
@{ count = $all.Count; type = $all[0].GetType().Name } | ConvertTo-Json
'@
        $result.count, $result.type | Should -Be 1, 'ComfyRun'
    }
}

Describe 'A wait on a terminal' -Skip:(-not (Get-Command script -CommandType Application -ErrorAction Ignore) -or $IsWindows -or $IsMacOS) {
    BeforeAll {
        # Uses a separate terminal; the records of the progress stream are returned in a file.
        function Get-ProgressOnTerminal {
            [CmdletBinding()]
            param([string] $Wait, [string] $Before = '')
            $id = [guid]::NewGuid().ToString('N')
            $result = Join-Path $TestDrive "$id.json"
            $file = Join-Path $TestDrive "$id.ps1"
            Set-Content -LiteralPath $file -Value @"
Import-Module '$ModulePath/ComfyDeploy.psd1'
`$emulator = Start-ComfyEmulator -Speed 4
`$shell = [powershell]::Create()
`$null = `$shell.AddScript({
    param(`$emulator)
    Import-Module '$ModulePath/ComfyDeploy.psd1'
    Connect-ComfyDeploy -ApiKey `$emulator.ApiKey -BaseUri `$emulator.BaseUri -SkipCheck
    $Before
    $Wait
}).AddArgument(`$emulator)
`$null = `$shell.Invoke()
@{
    redirected  = [Console]::IsOutputRedirected
    errors      = @(`$shell.Streams.Error | ForEach-Object { "`$_" })
    information = @(`$shell.Streams.Information | ForEach-Object { "`$_" })
    progress    = @(`$shell.Streams.Progress | ForEach-Object { @{ id = `$_.ActivityId; parent = `$_.ParentActivityId; activity = `$_.Activity; status = `$_.StatusDescription; percent = `$_.PercentComplete; type = "`$(`$_.RecordType)" } })
} | ConvertTo-Json -Depth 5 | Set-Content -LiteralPath '$result'
"@
            $null = & script -qec "pwsh -NoProfile -NonInteractive -File '$file'" /dev/null
            $said = Get-Content -LiteralPath $result -Raw | ConvertFrom-Json
            $said.redirected | Should -BeFalse
            $said.errors | Should -BeNullOrEmpty
            $said
        }
    }

    It 'shows one progress bar, and one below it for an active run' {
        $said = Get-ProgressOnTerminal "'a #time=60', 'b #time=60', 'c #fail' | Start-ComfyRun portrait -InputName prompt | Wait-ComfyRun"
        # Only the line that ends a batch: a bar takes the place of the others.
        $said.information | Should -Match '^3 runs: 2 ok, 1 failed, \d+s, estimated cost 0\.\d+ USD$'
        $parent = @($said.progress | Where-Object { $_.activity -eq 'Waiting for 3 runs' })
        $parent[0].status | Should -Match '^\d/3 · (\d failed · )?\d (running|queued)( · ETA \w+)?$'
        $children = @($said.progress | Where-Object { $_.parent -eq $parent[0].id -and $_.type -eq 'Processing' })
        $children[0].activity | Should -Match '^[0-9a-f]{8} portrait/production$'
        $children[0].status | Should -Match '^Executing \w+$'
        @($children.id | Sort-Object -Unique).Count | Should -BeLessOrEqual 5
        # Nothing is cut at 80 columns.
        $said.progress | ForEach-Object { ($_.activity + $_.status).Length | Should -BeLessOrEqual ($_.parent -lt 0 ? 73 : 71) }
        # Every progress bar is completed.
        $open = @($said.progress | Where-Object type -EQ 'Processing').id | Sort-Object -Unique
        @($said.progress | Where-Object type -EQ 'Completed').id | Sort-Object -Unique | Should -Be $open
    }

    It 'shows the label of a run and the time left until a limit that was set' {
        $said = Get-ProgressOnTerminal '[pscustomobject]@{ shot = "a07"; prompt = "a #time=60" } | Start-ComfyRun -Deployment portrait -LabelColumn shot | Wait-ComfyRun -Timeout 2h'
        @($said.progress | Where-Object { $_.activity -eq 'Waiting for 1 run' })[0].status | Should -Match '^0/1 · 1 (running|queued) · 2h left$'
        @($said.progress.activity) -match '^a07 \([0-9a-f]{8}\)$' | Should -Not -BeNullOrEmpty
    }

    It 'shows one bar for <Script>' -ForEach @(
        @{ Script = 'Start-ComfyRun -Wait'; Command = '1..3 | Start-ComfyRun portrait -InputName prompt -Wait'; Activity = '^Waiting for \d runs?$'; Status = '^((\d)/(?!\2)\d · .+|(\d)/\3)$' }
        @{ Script = 'Start-ComfyRun'; Command = '$emulator.AddFault("POST /run/deployment/queue = latency 1500ms always"); 1..3 | Start-ComfyRun portrait -InputName prompt'; Activity = '^Starting runs$'; Status = '^\d queued$' }
        @{ Script = 'Save-ComfyRunOutput'; Command = '$run = Start-ComfyRun portrait @{ prompt = "a #multi" }; $emulator.Advance("01:00:00"); $emulator.AddFault("GET /outputs/* = latency 1500ms always"); $run | Save-ComfyRunOutput $folder'; Activity = '^Saving 3 files$'; Status = '^\d/3 · \d+\.\d MB( · ETA \w+)?$' }
        @{ Script = 'Send-ComfyFile'; Command = '$emulator.AddFault("POST /file/upload = latency 1500ms always"); Get-Item $folder/*.png | Send-ComfyFile'; Activity = '^Uploading 1 file$'; Status = '^0/1 · \d+\.\d of 0\.0 MB( · ETA \w+)?$' }
        @{ Script = 'Get-ComfyRun -Full'; Command = '$null = Start-ComfyRun portrait @{ prompt = "a" }; $emulator.AddFault("GET /run/* = latency 1500ms always"); Get-ComfyRun -Full'; Activity = '^Reading runs$'; Status = '^\d read$' }
    ) {
        $folder = New-Item -ItemType Directory -Force (Join-Path $TestDrive $Script)
        Set-Content -LiteralPath (Join-Path $folder cat.png) -Value x
        $said = Get-ProgressOnTerminal $Command -Before "`$folder = '$folder'"
        $bars = @($said.progress | Where-Object { $_.parent -lt 0 -and $_.type -eq 'Processing' })
        $bars | Should -Not -BeNullOrEmpty
        $bars | ForEach-Object { $_.activity | Should -Match $Activity; $_.status | Should -Match $Status }
        @($bars.id | Sort-Object -Unique).Count | Should -Be 1
        $said.progress[-1].type | Should -Be 'Completed'
    }

    It 'shows nothing with $ProgressPreference = SilentlyContinue' {
        (Get-ProgressOnTerminal 'Start-ComfyRun portrait @{ prompt = "a" } | Wait-ComfyRun' -Before '$ProgressPreference = "SilentlyContinue"').progress | Should -BeNullOrEmpty
    }

    It 'shows nothing for a short wait' {
        (Get-ProgressOnTerminal '$run = Start-ComfyRun portrait @{ prompt = "a" }; $emulator.Advance("01:00:00"); $run.RunId | Wait-ComfyRun').progress | Should -BeNullOrEmpty
    }
}

Describe 'Verbose and debug' {
    BeforeAll {
        $emulator = New-TestEmulator
        $id = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
        $folder = Join-Path $TestDrive 'saved'
    }

    It 'report each queue, change, save, and cancel with the complete ID' {
        $lines = & {
            $run = Start-ComfyRun portrait @{ prompt = 'a #multi' } -Verbose
            $stuck = Start-ComfyRun portrait @{ prompt = '#stuck' } -Verbose
            $emulator.Advance('01:00:00')
            $null = $run | Wait-ComfyRun -Verbose | Save-ComfyRunOutput $folder -Verbose
            $stuck | Stop-ComfyRun -Verbose
        } 4>&1 | ForEach-Object { "$_" } | Where-Object { $_ -notlike 'Performing the operation*' }
        @($lines -match "Queued run $id").Count | Should -Be 2
        @($lines -match "^Run ${id}: success\.$").Count | Should -Be 1
        @($lines -match "^Output \d of run $id is saved: ").Count | Should -Be 3
        @($lines -match "^Cancelled run $id\.$").Count | Should -Be 1
        $lines | ForEach-Object { $_ | Should -Match $id }
    }

    It 'name a labeled run by its label and the complete ID' {
        $lines = & {
            $run = [pscustomobject]@{ shot = 'a07'; prompt = 'a' } | Start-ComfyRun -Deployment portrait -LabelColumn shot -Verbose
            $emulator.Advance('01:00:00')
            $null = $run | Wait-ComfyRun | Save-ComfyRunOutput $folder -Verbose
        } 4>&1 | ForEach-Object { "$_" }
        @($lines -match "^Queued run a07 \($id\) of portrait/production\.$").Count | Should -Be 1
        @($lines -match "^Output 0 of run a07 \($id\) is saved: ").Count | Should -Be 1
    }

    It 'warn about a retry, with the complete ID' {
        $run = Start-ComfyRun portrait @{ prompt = 'a' }
        $emulator.Advance('01:00:00')
        $emulator.AddFault('GET /outputs/* = 503')
        $null = $run | Save-ComfyRunOutput $folder -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings.Count | Should -Be 1
        "$warnings" | Should -Match "^Output 0 of run $($run.RunId), .+ HTTP 503\. Trying again in \d\.\d s \(\d retries left\)\.$"
    }

    It 'write one line for each request, without the query of a signed link' {
        $before = $emulator.Requests.Count
        $lines = & {
            $DebugPreference = 'Continue'
            $run = Start-ComfyRun portrait @{ prompt = 'a #private' }
            $emulator.Advance('01:00:00')
            $null = $run | Wait-ComfyRun | Save-ComfyRunOutput $folder
            $null = $run | Get-ComfyRunOutput
            Invoke-ComfyApi workflows | Out-Null
        } 5>&1 | ForEach-Object { "$_" }
        $lines.Count | Should -Be ($emulator.Requests.Count - $before)
        $lines | ForEach-Object { $_ | Should -Match '^[A-Z]+ \S+ -> \d{3} in \d+ ms$' }
        "$lines" | Should -Not -Match 'X-Amz|\?.*Signature'
        "$lines" | Should -Not -Match ([regex]::Escape((Get-TestKey $emulator)))
    }
}

Describe 'What is saved to files' {
    BeforeAll {
        $emulator = New-TestEmulator
        $key = Get-TestKey $emulator
        $started = 'a #multi #private', '#stuck=running' | Start-ComfyRun portrait -InputName prompt
        $emulator.Advance('01:00:00')
        $outputs = $started[0] | Get-ComfyRunOutput
        $stopped = $started | Stop-ComfyRun -PassThru
        $culture = [cultureinfo]::CurrentCulture
        [cultureinfo]::CurrentCulture = 'de-DE'
    }

    AfterAll { [cultureinfo]::CurrentCulture = $culture }

    It 'finds the same outputs in de-DE: <Format>' -ForEach @(
        @{ Format = 'CSV'; Write = { param($File) $outputs | Export-Csv $File }; Read = { Import-Csv @args } }
        @{ Format = 'CSV of the culture'; Write = { param($File) $outputs | Export-Csv $File -UseCulture }; Read = { Import-Csv @args -UseCulture } }
        @{ Format = 'Clixml'; Write = { param($File) $outputs | Export-Clixml $File }; Read = { Import-Clixml @args } }
    ) {
        $file = Join-Path $TestDrive "$Format.txt"
        & $Write $file
        $back = & $Read $file
        $back.RunId | Should -Be $outputs.RunId
        $back.FileName | Should -Be $outputs.FileName
        $saved = $back[1] | Save-ComfyRunOutput (Join-Path $TestDrive "of $Format")
        $saved.Index | Should -Be 1
        Get-Content -LiteralPath $file -Raw | Should -Not -Match ([regex]::Escape($key))
        if ($Format -eq 'Clixml') { ($back | Out-String -Width 80) | Should -Be ($outputs | Out-String -Width 80) }
    }

    It 'finds the same stopped runs in de-DE' {
        $stopped | Export-Csv (Join-Path $TestDrive stopped.csv)
        $stopped | Export-Clixml (Join-Path $TestDrive stopped.xml)
        (Import-Csv (Join-Path $TestDrive stopped.csv) | Get-ComfyRun).Status | Should -Be 'success', 'cancelled'
        $back = Import-Clixml (Join-Path $TestDrive stopped.xml)
        ($back | Stop-ComfyRun -PassThru).Outcome | Should -Be 'AlreadyFinished', 'AlreadyFinished'
        ($back | Out-String -Width 80) | Should -Be ($stopped | Out-String -Width 80)
    }

    It 'is JSON without a warning, a JSON type, or the key' {
        $json = $outputs, $stopped | ForEach-Object { $_ } | ConvertTo-Json -Depth 5 -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeNullOrEmpty
        $json | Should -Not -Match 'ValueKind'
        $json | Should -Not -Match ([regex]::Escape($key))
        ($json | ConvertFrom-Json)[0].FileName | Should -Be $outputs[0].FileName
    }

    It 'shows no signature in a list or behind another type' {
        $outputs | Format-List | Out-String | Should -Not -Match 'X-Amz'
        $started[0], $outputs[0], $stopped[0] | Out-String | Should -Not -Match 'X-Amz'
        "$($outputs[0].Url)" | Should -Match 'X-Amz-Signature'
    }
}
