#Requires -Version 7.4

# Batches as scripts run them: in processes of their own, with the key in the environment, on an emulator in this process.

BeforeAll {
    . $PSScriptRoot/common.ps1

    # The environment that a scheduled task provides to its script.
    function Get-TaskEnvironment {
        [CmdletBinding()]
        param([System.Collections.IDictionary] $More = @{})
        @{ COMFY_DEPLOY_API_KEY = Get-TestKey $emulator; COMFY_DEPLOY_BASE_URI = $emulator.BaseUri } + $More
    }

    # The inputs as one text, whatever the order and the types: to compare rows of a file with runs.
    function ConvertTo-RowText {
        [CmdletBinding()]
        param([Parameter(Mandatory, ValueFromPipeline)] [object] $Row, [Parameter(Mandatory)] [string[]] $Column)
        process { ($Column | ForEach-Object { "$_=$($Row.$_)" }) -join ' ' }
    }
}

AfterAll { Clear-TestState }

Describe 'The batch of a night' {
    BeforeAll {
        $emulator = New-TestEmulator -Speed 36000
        $night = @'
$ErrorActionPreference = 'Stop'
Set-Location $env:TEST_FOLDER
$runs = Import-Csv ./prompts.csv |
    Start-ComfyRun -Deployment portrait -Environment production -MaxInFlight 10 -Manifest ./night.jsonl -InformationAction Continue |
    Wait-ComfyRun -Timeout 60s -StopOnTimeout
$runs | Where-Object -Not IsSuccess | Export-Csv ./failed.csv
$runs | Select-Object RunId, Status, Error -ExpandProperty Inputs | Export-Csv ./with-inputs.csv
"rows $($runs.Count)"
'@
        $rows = 1..24 | ForEach-Object { [pscustomobject]@{ prompt = "picture $_"; seed = $_; style = 'noir' } }
        $rows[4].prompt = 'a "bear", not a fox #fail'
        $rows[9].prompt = 'an owl #cancelled'
        $rows | Export-Csv TestDrive:/prompts.csv
        $task = Get-TaskEnvironment @{ TEST_FOLDER = "$TestDrive" }
        $first = Invoke-ChildPwsh $night -Environment $task
        $failed = Import-Csv TestDrive:/failed.csv
        $wide = Import-Csv TestDrive:/with-inputs.csv
        $before = $emulator.Requests.Count
        $second = Invoke-ChildPwsh $night -Environment $task
        $batch = @(Get-ComfyRun -Manifest TestDrive:/night.jsonl)
    }

    It 'ends with code 0, and a run for each row' {
        $first.Error | Should -BeNullOrEmpty
        $first.ExitCode | Should -Be 0
        $first.Output | Should -Match '(?m)^rows 24\r?$'
        @(Get-TestRequest $emulator -Method POST -Path '/run/deployment/queue').Count | Should -Be 24
        $batch.RunId | Sort-Object | Should -Be ($emulator.Runs.RunId | Sort-Object)
    }

    It 'exports what failed, with the reason' {
        $expected = $batch | Where-Object -Not IsSuccess
        $expected.Status | Sort-Object | Should -Be 'cancelled', 'failed'
        $failed.RunId | Sort-Object | Should -Be ($expected.RunId | Sort-Object)
        foreach ($row in $failed) {
            $run = $expected | Where-Object RunId -EQ $row.RunId
            $row.Status | Should -Be $run.Status
            $row.Error | Should -Be "$($run.Error)"
            $row.Inputs | ConvertFrom-Json | ConvertTo-RowText -Column prompt, seed, style | Should -Be ($run.Inputs | ConvertTo-RowText -Column prompt, seed, style)
        }
        ($failed | Where-Object Status -EQ failed).Error | Should -Match '^VAEDecode: CUDA out of memory'
        Get-Content TestDrive:/failed.csv -Raw | Should -Not -Match 'System\.|ComfyDeploy\.Comfy'
    }

    It 'exports a column for each input, which read back as the rows' {
        $wide.Count | Should -Be 24
        $wide | ConvertTo-RowText -Column prompt, seed, style | Sort-Object | Should -Be ($rows | ConvertTo-RowText -Column prompt, seed, style | Sort-Object)
        foreach ($row in $wide) {
            $run = $batch | Where-Object RunId -EQ $row.RunId
            $row.Status | Should -Be $run.Status
            $row | ConvertTo-RowText -Column prompt, seed, style | Should -Be ($run.Inputs | ConvertTo-RowText -Column prompt, seed, style)
        }
        # The service has numbers for seeds, not the text of the file.
        ($emulator.Runs[0].Inputs | ConvertFrom-Json).seed | Should -BeExactly 1
    }

    It 'queues nothing when the same script runs again, and exports the same' {
        $second.Error | Should -BeNullOrEmpty
        $second.ExitCode | Should -Be 0
        Get-TestRequest $emulator -Method POST -Since $before | Should -BeNullOrEmpty
        $second.Output -split '\r?\n' | Should -Be 'night.jsonl: 24 runs done before.', 'rows 24'
        $again = Import-Csv TestDrive:/with-inputs.csv
        $again | ConvertTo-RowText -Column RunId, Status, prompt, seed, style | Sort-Object |
            Should -Be ($wide | ConvertTo-RowText -Column RunId, Status, prompt, seed, style | Sort-Object)
    }

    It 'queues only the rows that are new' {
        $more = $rows + [pscustomobject]@{ prompt = 'one more'; seed = 99; style = 'noir' } |
            Start-ComfyRun portrait -MaxInFlight 10 -Manifest TestDrive:/night.jsonl | Wait-ComfyRun
        @($more).Count | Should -Be 25
        $emulator.Runs.Count | Should -Be 25
        ($emulator.Runs[24].Inputs | ConvertFrom-Json).prompt | Should -Be 'one more'
    }

    It 'stops at a wrong column before anything is paid for' {
        $count = $emulator.Runs.Count
        $wrong = [pscustomobject]@{ prompt = 'x'; sead = 1 }, [pscustomobject]@{ prompt = 'y'; sead = 2 }
        { $wrong | Start-ComfyRun portrait -MaxInFlight 10 -Manifest TestDrive:/wrong.jsonl -ErrorAction Stop | Wait-ComfyRun } | Should -Throw -ErrorId 'UnknownInput,*'
        $emulator.Runs.Count | Should -Be $count
        Test-Path TestDrive:/wrong.jsonl | Should -BeFalse
    }

    It 'cancels late runs at the time limit, lists them, and queues them again the next time' {
        $emulator = New-TestEmulator -Speed 36000
        $late = 'a fox', 'an owl #stuck', 'a bear' | ForEach-Object { [pscustomobject]@{ prompt = $_ } }
        $runs = $late | Start-ComfyRun portrait -MaxInFlight 3 -Manifest TestDrive:/late.jsonl |
            Wait-ComfyRun -Timeout 3s -StopOnTimeout -ErrorAction SilentlyContinue -ErrorVariable errors
        $runs.Status | Sort-Object | Should -Be 'cancelled', 'success', 'success'
        $errors.FullyQualifiedErrorId | Should -Be 'WaitTimeout,ComfyDeploy.Commands.WaitComfyRunCommand'
        $emulator.Runs.Status | Sort-Object | Should -Be 'cancelled', 'success', 'success'
        $again = @($late | Start-ComfyRun portrait -MaxInFlight 3 -Manifest TestDrive:/late.jsonl)
        @($again | Where-Object IsSuccess).Count | Should -Be 2
        $emulator.Runs.Count | Should -Be 4
        ($emulator.Runs[3].Inputs | ConvertFrom-Json).prompt | Should -Be 'an owl #stuck'
    }
}

Describe 'Outputs by run, while others still render' {
    BeforeAll {
        $emulator = New-TestEmulator
        $null = 'a fox #multi=2', 'an owl #time=200' | Start-ComfyRun portrait -InputName prompt
        $template = '{Created:yyyy-MM-dd}/{Deployment}/{RunId:12}_{Index:00}_{FileName}'
        $files = Get-ComfyRun -Active -Deployment portrait | ForEach-Object { $emulator.Advance('00:00:15'); $_ } | Wait-ComfyRun -Timeout 30s |
            ForEach-Object {
                $_
                # The owl cannot finish before the pictures of the fox are saved.
                Wait-TestCondition { @(Get-ChildItem $TestDrive/renders -Recurse -File -Filter *.png -ErrorAction Ignore).Count -ge 2 }
                $emulator.Advance('00:10:00')
            } | Save-ComfyRunOutput "$TestDrive/renders" -NameTemplate $template -ThrottleLimit 8
    }

    It 'are saved as soon as their run has finished' {
        $files.Count | Should -Be 3
        $emulator.Runs.Status | Should -Be 'success', 'success'
    }

    It 'are named after their runs' {
        foreach ($file in $files) {
            [System.IO.Path]::GetRelativePath("$TestDrive/renders", $file.FullName).Replace('\', '/') |
                Should -Match '^\d{4}-\d\d-\d\d/portrait-production/[0-9a-f]{12}_\d\d_\S+\.png$'
        }
        $files.Name.ForEach{ $_.Substring(0, 8) } | Sort-Object -Unique | Should -Be ($emulator.Runs.RunId.ForEach{ $_.Substring(0, 8) } | Sort-Object)
        Get-ChildItem $TestDrive/renders -Recurse -File -Filter *.part | Should -BeNullOrEmpty
    }

    It 'are not downloaded again, and the storage gets no key' {
        $before = $emulator.Requests.Count
        $again = Get-ComfyRun -Deployment portrait | Wait-ComfyRun | Save-ComfyRunOutput "$TestDrive/renders" -NameTemplate $template -ThrottleLimit 8
        $again.FullName | Sort-Object | Should -Be ($files.FullName | Sort-Object)
        $emulator.Requests | Where-Object { $_.IsStorage -and $_.Number -gt $before } | Should -BeNullOrEmpty
        $emulator.Requests | Where-Object { $_.IsStorage -and $_.HasAuthorization } | Should -BeNullOrEmpty
    }
}

Describe 'The gate of a new deployment' {
    BeforeAll { $emulator = New-TestEmulator -Speed 36000 }

    It 'ends with exit code 0 on success, with only the key from the environment, and saves the outputs' {
        $child = Invoke-ChildPwsh @'
$ErrorActionPreference = 'Stop'
Start-ComfyRun portrait @{ prompt = 'golden'; seed = 42 } | Wait-ComfyRun -Timeout 30s -ThrowOnFailure | Save-ComfyRunOutput $env:TEST_FOLDER | ForEach-Object Name
'@ -Environment (Get-TaskEnvironment @{ TEST_FOLDER = "$TestDrive/golden" })
        $child.ExitCode | Should -Be 0
        $child.Output | Should -Be @(Get-ChildItem $TestDrive/golden).Name
        $child.Error | Should -BeNullOrEmpty
    }

    It 'ends with exit code 1 at the time limit, and cancels the run' {
        $child = Invoke-ChildPwsh @'
$ErrorActionPreference = 'Stop'
try { Start-ComfyRun portrait @{ prompt = '#stuck' } | Wait-ComfyRun -Timeout 1s -StopOnTimeout -ThrowOnFailure }
catch { "caught $($_.FullyQualifiedErrorId.Split(',')[0])"; throw }
'@ -Environment (Get-TaskEnvironment)
        $child.ExitCode | Should -Be 1
        $child.Output | Should -Match 'caught WaitTimeout'
        $emulator.Runs[-1].Status | Should -Be 'cancelled'
    }

    It 'ends with exit code 1 and a reason for <Prompt>, and saves nothing' -ForEach @(
        @{ Prompt = '#fail'; Reason = 'VAEDecode: CUDA out of memory' }, @{ Prompt = '#cancelled'; Reason = 'cancelled' }, @{ Prompt = '#timeout'; Reason = 'timeout' }
    ) {
        $child = Invoke-ChildPwsh @"
`$ErrorActionPreference = 'Stop'
try { Start-ComfyRun portrait @{ prompt = '$Prompt' } | Wait-ComfyRun -Timeout 30s -ThrowOnFailure -OutVariable runs | Save-ComfyRunOutput '$TestDrive/none' -WarningAction Ignore }
catch { "caught `$(`$_.FullyQualifiedErrorId.Split(',')[0]) `$(`$runs.Count)"; throw }
"@ -Environment (Get-TaskEnvironment)
        $child.ExitCode | Should -Be 1
        $child.Output | Should -Match 'caught RunFailed 1'
        $text = ($child.Output + $child.Error) -replace '\s*\r?\n[\s|]*', ' '
        $text | Should -Match 'did not succeed'
        $text | Should -Match $Reason
        Test-Path $TestDrive/none/* | Should -BeFalse
    }

    It 'writes a line per change on request when no progress bar can be shown, and none otherwise' {
        $slow = New-TestEmulator -Speed 4
        $task = @{ COMFY_DEPLOY_API_KEY = Get-TestKey $slow; COMFY_DEPLOY_BASE_URI = $slow.BaseUri }
        $child = Invoke-ChildPwsh 'Start-ComfyRun portrait @{ prompt = "#time=4" } | Wait-ComfyRun -InformationAction Continue | ForEach-Object RunId' -Environment $task
        $id = ($child.Output -split '\r?\n')[-1]
        $child.Output | Should -Match "(?m)^\d\d:\d\d:\d\d $id \w+"
        $child.Output | Should -Match "(?m)$id success"
        $child = Invoke-ChildPwsh 'Start-ComfyRun portrait @{ prompt = "#time=4" } | Wait-ComfyRun | ForEach-Object RunId' -Environment $task
        $child.Output | Should -Match '^[0-9a-f-]{36}$'
        $child.Error | Should -BeNullOrEmpty
    }

}

Describe 'The exit code of a gate' {
    It 'is <Code> with <Arguments>, and the script <Outcome>' -ForEach @(
        @{ Code = 0; Arguments = '-ThrowOnFailure'; Outcome = 'continues'; Goes = 'after' }
        @{ Code = 1; Arguments = '-ThrowOnFailure -ErrorAction Stop'; Outcome = 'ends'; Goes = $null }
    ) {
        $script = Join-Path $TestDrive 'gate.ps1'
        Set-Content $script @"
            Import-Module '$PSScriptRoot/../out/ComfyDeploy'
            `$null = Start-ComfyEmulator -Connect -Speed 100
            '#fail' | Start-ComfyRun portrait -InputName prompt | Wait-ComfyRun $Arguments -InformationAction Ignore | Out-Null
            'after'
"@
        pwsh -NoProfile -NonInteractive -File $script 2>$null | Should -Be $Goes
        $LASTEXITCODE | Should -Be $Code
    }
}

Describe 'A grid of inputs' {
    BeforeAll {
        $emulator = New-TestEmulator -Speed 36000
        # Runs from which -WhatIf estimates.
        $null = 1..5 | ForEach-Object { [pscustomobject]@{ prompt = "#queue=0 #cold=2 #time=2$_"; seed = $_ } } | Start-ComfyRun portrait | Wait-ComfyRun
        $grid = @{ style = 'noir', 'anime', 'photo'; cfg = 4, 7, 10; seed = 1..4 }
        $columns = 'style', 'cfg', 'seed'
    }

    It 'shows its price before anything is paid for' {
        $null = New-ComfyInputGrid $grid | Start-ComfyRun portrait -MaxInFlight 12 -WhatIf -InformationVariable lines 6>&1
        $lines.Count | Should -Be 1
        "$($lines[-1])" | Should -Match '36 runs would be queued: 36 on A10G .* about 0\.\d+ to 0\.\d+ USD in all\.$'
        $emulator.Runs.Count | Should -Be 5
    }

    It 'becomes a CSV file with a run of its own for each combination' {
        New-ComfyInputGrid $grid | Start-ComfyRun portrait -MaxInFlight 12 | Wait-ComfyRun | Get-ComfyRunOutput |
            Select-Object RunId, @{ n = 'style'; e = { $_.Run.Inputs.style } }, @{ n = 'cfg'; e = { $_.Run.Inputs.cfg } }, @{ n = 'seed'; e = { $_.Run.Inputs.seed } }, Url |
            Export-Csv TestDrive:/grid.csv
        $rows = Import-Csv TestDrive:/grid.csv
        $rows.Count | Should -Be 36
        @($rows.RunId | Sort-Object -Unique).Count | Should -Be 36
        $rows | ConvertTo-RowText -Column $columns | Sort-Object | Should -Be (New-ComfyInputGrid $grid | ConvertTo-RowText -Column $columns | Sort-Object)
        $rows.Url | Should -Match '^http://\S+\.png$'
        $emulator.Runs.Count | Should -Be 41
        foreach ($row in $rows) {
            $run = $emulator.Runs | Where-Object RunId -EQ $row.RunId
            $row | ConvertTo-RowText -Column $columns | Should -Be ($run.Inputs | ConvertFrom-Json | ConvertTo-RowText -Column $columns)
        }
    }
}
