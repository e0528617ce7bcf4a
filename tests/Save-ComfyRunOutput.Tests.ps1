#Requires -Version 7.4

BeforeAll {
    . $PSScriptRoot/common.ps1
    $emulator = New-TestEmulator
    $runs = 'a #multi=2', 'b #fail', 'c #text', 'd #private', 'e #badname #multi=12' | Start-ComfyRun portrait -InputName prompt
    $emulator.Advance('00:10:00')
}

AfterAll { Clear-TestState }

Describe 'Save-ComfyRunOutput' {
    BeforeEach {
        $folder = Join-Path $TestDrive ([guid]::NewGuid().ToString('N'))
        $emulator.ClearFaults()
        $before = $emulator.Requests.Count
    }

    It 'saves the outputs of a run as files with run, index, and deployment' {
        $files = $runs[0] | Save-ComfyRunOutput $folder
        $files.Count | Should -Be 2
        $files[0] | Should -BeOfType System.IO.FileInfo
        $digits = $runs[0].RunId.Replace('-', '').Substring(0, 12)
        $files.Name | Should -Be "${digits}_00_ComfyUI_00001_.png", "${digits}_01_ComfyUI_00002_.png"
        $files.RunId | Should -Be $runs[0].RunId, $runs[0].RunId
        $files.Index | Should -Be 0, 1
        $files[0].DeploymentName | Should -Be 'portrait/production'
        $files | ForEach-Object { $_.Length | Should -BeGreaterThan 1000 }
        Get-ChildItem $folder -Filter *.part | Should -BeNullOrEmpty
    }

    It 'uses a folder named [a] literally, relative to $PWD' {
        $null = New-Item -ItemType Directory $folder
        Push-Location -LiteralPath $folder
        try { ($runs[0] | Save-ComfyRunOutput './[a] b').DirectoryName | Should -Be @(1..2 | ForEach-Object { Join-Path $folder '[a] b' }) } finally { Pop-Location }
    }

    It 'accepts IDs, outputs, and rows with RunId and Index' {
        @($runs[0].RunId | Save-ComfyRunOutput $folder).Count | Should -Be 2
        ($runs[0] | Get-ComfyRunOutput | Where-Object Index -EQ 1 | Save-ComfyRunOutput $folder).Index | Should -Be 1
        ($runs[0] | Get-ComfyRunOutput | ConvertTo-Csv | ConvertFrom-Csv | Select-Object -Last 1 | Save-ComfyRunOutput $folder).Index | Should -Be 1
        @($runs | Get-ComfyRunOutput -Kind image | Save-ComfyRunOutput $folder).Count | Should -BeGreaterThan 3
    }

    It 'sends no key to the storage host' {
        $null = $runs[0, 3] | Save-ComfyRunOutput $folder
        $storage = $emulator.Requests | Where-Object { $_.Number -gt $before -and $_.IsStorage }
        $storage.Count | Should -Be 3
        $storage.HasAuthorization | Should -Not -Contain $true
    }

    It 'saves no file outside the folder, whatever its name' {
        $files = $runs[4] | Save-ComfyRunOutput $folder -NameTemplate '{FileName}'
        $files.Count | Should -Be 12
        @($files.FullName | Sort-Object -Unique).Count | Should -Be 12
        foreach ($file in $files) {
            $file.DirectoryName | Should -Be $folder
            $file.Name | Should -Not -Match '[\x00-\x1f/\\:*?"<>|]|[. ]$|^(CON|NUL)(\.|$)'
        }
    }

    It 'warns once about runs without outputs, and reports no error' {
        $files = $runs[1], $runs[0] | Save-ComfyRunOutput $folder -WarningVariable warnings -WarningAction SilentlyContinue -ErrorVariable errors
        $files.Count | Should -Be 2
        $warnings.Count | Should -Be 1
        $errors | Should -BeNullOrEmpty
    }

    It 'handles existing files according to -Existing: <Existing>' -ForEach @(
        @{ Existing = 'Skip'; Objects = 2; Downloads = 0; Left = 2 }
        @{ Existing = 'Overwrite'; Objects = 2; Downloads = 2; Left = 2 }
        @{ Existing = 'Rename'; Objects = 2; Downloads = 2; Left = 4 }
        @{ Existing = 'Error'; Objects = 0; Downloads = 0; Left = 2 }
    ) {
        $null = $runs[0] | Save-ComfyRunOutput $folder
        $before = $emulator.Requests.Count
        $files = $runs[0] | Save-ComfyRunOutput $folder -Existing $Existing -ErrorVariable errors -ErrorAction SilentlyContinue
        @($files).Count | Should -Be $Objects
        @($emulator.Requests | Where-Object { $_.Number -gt $before -and $_.IsStorage }).Count | Should -Be $Downloads
        @(Get-ChildItem $folder).Count | Should -Be $Left
        @($errors | Where-Object FullyQualifiedErrorId -EQ 'FileExists,ComfyDeploy.Commands.SaveComfyRunOutputCommand').Count | Should -Be ($Existing -eq 'Error' ? 2 : 0)
    }

    It 'expands a template into folders' {
        $files = $runs[0] | Save-ComfyRunOutput $folder -NameTemplate '{Workflow}/{RunId:8}_{Index:00}.{Extension}'
        $files[0].FullName | Should -Be (Join-Path $folder portrait "$($runs[0].RunId.Substring(0, 8))_00.png")
    }

    It 'names files by the inputs' {
        $run = Start-ComfyRun portrait @{ prompt = 'a fox in the snow: 1/2'; seed = 42 }
        $emulator.Advance('00:10:00')
        $id = $run.RunId.Replace('-', '').Substring(0, 12)
        ($run | Wait-ComfyRun | Save-ComfyRunOutput $folder -NameTemplate '{Input.prompt:17}_{Input.seed}_{RunId:12}_{Index:00}{Extension}').Name | Should -Be "a fox in the snow_42_${id}_00.png"
    }

    It 'rejects the template <_>' -ForEach '../{FileName}', '/{FileName}', '{Nope}', '{FileName', 'a//b', './x', 'x/' {
        { $runs[0] | Save-ComfyRunOutput $folder -NameTemplate $_ } | Should -Throw -ErrorId 'InvalidInput,*'
        $folder | Should -Not -Exist
    }

    It 'downloads nothing and creates no folder with -WhatIf' {
        $null = $runs[0] | Save-ComfyRunOutput $folder -WhatIf
        $folder | Should -Not -Exist
        $emulator.Requests | Where-Object { $_.Number -gt $before -and $_.IsStorage } | Should -BeNullOrEmpty
    }

    It 'renews an expired link once' {
        $output = $runs[3] | Get-ComfyRunOutput
        $emulator.Advance('02:00:00')
        $file = $output | Save-ComfyRunOutput $folder -WarningAction SilentlyContinue
        $file.Length | Should -BeGreaterThan 1000
    }

    It 'retries when the storage host breaks the connection, and saves complete files: <_>' -ForEach 'cut', 'lost', 'wronglength', 'reset' {
        $whole = ($runs[0] | Save-ComfyRunOutput "$folder-whole").Length
        $emulator.AddFault("GET /outputs/* = $_")
        $files = $runs[0] | Save-ComfyRunOutput $folder -WarningAction SilentlyContinue
        $files.Length | Should -Be $whole
        @(Get-ChildItem $folder).Count | Should -Be 2
    }

    It 'leaves no partial file when the storage host repeatedly breaks the connection' {
        $emulator.AddFault('GET /outputs/* = cut always')
        $runs[0] | Save-ComfyRunOutput $folder -ErrorVariable errors -ErrorAction SilentlyContinue -WarningAction SilentlyContinue | Should -BeNullOrEmpty
        $errors.FullyQualifiedErrorId | Should -Contain 'DownloadFailed,ComfyDeploy.Commands.SaveComfyRunOutputCommand'
        Get-ChildItem $folder -ErrorAction Ignore | Should -BeNullOrEmpty
    }

    It 'continues after a failure, and reports it at the end, also with the preference Stop' {
        $ErrorActionPreference = 'Stop'
        $emulator.AddFault("GET /outputs/runs/$($runs[0].RunId)/ComfyUI_00001_.png = 404 always")
        $caught = try { $null = $runs[0], $runs[2] | Save-ComfyRunOutput $folder -OutVariable files } catch { $_ }
        $files.Count | Should -Be 2
        $caught.FullyQualifiedErrorId | Should -BeLike 'DownloadFailed,*'
    }

    It 'rejects a path that is not a folder' {
        $file = New-Item -ItemType File "$folder.txt"
        { $runs[0] | Save-ComfyRunOutput $file.FullName } | Should -Throw -ErrorId 'InvalidInput,*'
        { $runs[0] | Save-ComfyRunOutput Env: } | Should -Throw -ErrorId 'InvalidInput,*'
    }

    It 'stops within 200 ms in a hung download, with no error and no partial file' {
        $emulator.AddFault('GET /outputs/* = stall always')
        $hung = $emulator
        $since = $before
        $stopped = Measure-TestStop "'$($runs[0].RunId)' | Save-ComfyRunOutput '$folder'" -When { @($hung.Requests | Where-Object { $_.Number -gt $since -and $_.IsStorage }).Count -gt 0 }
        $stopped.Milliseconds | Should -BeLessOrEqual 200
        $stopped.Errors | Should -BeNullOrEmpty
        Wait-TestCondition { -not (Get-ChildItem $folder -ErrorAction Ignore) }
    }

    It 'completes <Line>' -ForEach @(
        @{ Line = 'Save-ComfyRunOutput -Existing O'; Word = 'Overwrite' }
        @{ Line = 'Save-ComfyRunOutput -Kind vi'; Word = 'video' }
    ) { Get-Completion $Line | Should -Contain $Word }
}
