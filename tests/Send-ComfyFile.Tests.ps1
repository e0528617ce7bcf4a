#Requires -Version 7.4

BeforeAll { . $PSScriptRoot/common.ps1 }

AfterAll { Clear-TestState }

Describe 'Send-ComfyFile' {
    BeforeEach {
        $emulator = New-TestEmulator
        $folder = New-Item -ItemType Directory (Join-Path $TestDrive ([guid]::NewGuid().ToString('N')))
        foreach ($new in 'cat.png', 'dog.png', '[a] b.png', 'notes.txt') { Set-Content -LiteralPath (Join-Path $folder $new) -Value $new }
        $null = New-Item -ItemType Directory (Join-Path $folder 'more.png')
        $pictures = '[a] b.png', 'cat.png', 'dog.png'
    }

    It 'uploads the files of a folder, in order' {
        $files = Get-ChildItem $folder -File -Filter *.png | Sort-Object Name | Send-ComfyFile
        $files.FileName | Should -Be $pictures
        $files.Kind | Should -Be 'image', 'image', 'image'
        $files | ForEach-Object Length | Should -Be @($pictures | ForEach-Object { (Get-Item -LiteralPath (Join-Path $folder $_)).Length })
        $files | ForEach-Object { [string](Invoke-RestMethod $_.Url) | Should -Match ([regex]::Escape($_.FileName)) }
    }

    It 'takes names, wildcards, relative paths and escaped names' {
        Push-Location $folder
        try {
            (Send-ComfyFile *.png).FileName | Sort-Object | Should -Be $pictures
            (Send-ComfyFile ./cat.png, dog.png).FileName | Should -Be 'cat.png', 'dog.png'
            ('cat.png', '`[a`] b.png' | Send-ComfyFile).FileName | Should -Be 'cat.png', '[a] b.png'
            (Send-ComfyFile -LiteralPath '[a] b.png').FileName | Should -Be '[a] b.png'
            (Get-Item -LiteralPath '[a] b.png' | Send-ComfyFile).Path | Should -Be (Join-Path $folder '[a] b.png')
        } finally { Pop-Location }
        @(Get-TestRequest $emulator -Path /file/upload).Count | Should -Be 3
    }

    It 'reports what is no file after the files: <Id>' -ForEach @(
        @{ Name = 'none.png'; Id = 'FileNotFound' }
        @{ Name = 'more.png'; Id = 'FileNotFound' }
        @{ Name = 'none/*.png'; Id = 'FileNotFound' }
        @{ Name = 'notes.txt'; Id = 'FileTypeNotSupported' }
    ) {
        $all = "$folder/$Name", "$folder/cat.png" | Send-ComfyFile 2>&1
        $all[0].FileName | Should -Be 'cat.png'
        $all[1].FullyQualifiedErrorId | Should -Be "$Id,ComfyDeploy.Commands.SendComfyFileCommand"
        $all.Count | Should -Be 2
    }

    It 'refuses a folder of the pipeline with the command that sends its files' {
        $null = Get-ChildItem $folder -Directory | Send-ComfyFile -ErrorVariable errors -ErrorAction SilentlyContinue
        $errors[0].ToString() | Should -BeLike "*Get-ChildItem -LiteralPath $folder*more.png -File | Send-ComfyFile"
    }

    It 'sends nothing with -WhatIf' {
        Send-ComfyFile "$folder/*.png" -WhatIf | Should -BeNullOrEmpty
        Get-TestRequest $emulator | Should -BeNullOrEmpty
    }

    It 'warns once of links that expire' {
        Rename-Item "$folder/cat.png" 'cat #private.png'
        Rename-Item "$folder/dog.png" 'dog #private.png'
        $files = Send-ComfyFile "$folder/*#private.png" -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings.Count | Should -Be 1
        $warnings[0] | Should -BeLike "*expire at $($files[0].ExpiresAt.ToString('yyyy-MM-dd HH:mm')),*"
        $files | Format-List | Out-String | Should -Not -Match 'X-Amz'
        $files | Format-Table | Out-String | Should -Not -Match 'X-Amz'
    }

    It 'works as the help says' {
        $emulator = New-TestEmulator
        Push-Location $folder
        try {
            $picture = Send-ComfyFile ./cat.png
            Start-ComfyRun upscale-4k @{ image = "$picture" }
            $emulator.Runs[0].Inputs | Should -BeLike "*$($picture.Url)*"
            Send-ComfyFile ./*.png | Select-Object Path, Url, ExpiresAt | Export-Csv links.csv
            (Import-Csv links.csv | Where-Object Path -like '*cat.png').Url | Should -Be $picture.Url.AbsoluteUri
        } finally { Pop-Location }
    }

    It 'stops within 200 ms in an upload that is not answered' {
        $emulator.AddFault('POST /file/upload = hang always')
        $hung = $emulator
        $stopped = Measure-TestStop "Send-ComfyFile '$folder/cat.png'" -When { @(Get-TestRequest $hung -Path /file/upload).Count -gt 0 }
        $stopped.Milliseconds | Should -BeLessOrEqual 200
        $stopped.Errors | Should -BeNullOrEmpty
    }
}
